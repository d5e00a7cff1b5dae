import process from 'node:process'

/** Preloaded with --expose-gc, collects all garbage on SIGUSR2 and says so. */
process.on('SIGUSR2', () => {
  // What finalizers let go of in the first is garbage in the second.
  globalThis.gc?.()
  globalThis.gc?.()
  process.send?.('collected')
})
