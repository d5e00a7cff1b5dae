import process from 'node:process'

/** Tells PM2, or whoever started this process with an IPC channel. That the parent is gone is no error here: it comes as a reason to stop. */
export function tellParentReady(): void {
  process.send?.('ready', undefined, undefined, () => {})
}
