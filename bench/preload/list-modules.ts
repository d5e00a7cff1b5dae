import { registerHooks } from 'node:module'
import process from 'node:process'

/** Preloaded into a worker, tells the parent on SIGUSR2 which modules the process has loaded since it began. */
const urls: string[] = []

registerHooks({
  load(url, context, nextLoad) {
    urls.push(url)
    return nextLoad(url, context)
  },
})

process.on('SIGUSR2', () => process.send?.({ urls }))
