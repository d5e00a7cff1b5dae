import process from 'node:process'

/** Loads the modules that it is told of and does nothing more until the parent lets go. */
process.once('disconnect', () => process.exit(0))
process.once('message', async (urls: readonly string[]) => {
  for (const url of urls) await import(url)
  process.send?.('ready')
})
