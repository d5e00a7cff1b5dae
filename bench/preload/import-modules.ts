import process from 'node:process'

/** Loads the modules that it is told of and does nothing more until the parent lets go. */
process.once('disconnect', () => process.exit(0))
process.once('message', async (urls: readonly string[]) => {
  // What failed there fails here: packages look for parts that need not be installed.
  for (const url of urls) await import(url).catch(() => {})
  process.send?.('ready')
})
