/**
 * Makes a task that runs once at a time: a call while it runs asks for one more run after it, which all such calls share. So whoever
 * calls gets a run that began after the call, and no wake-up is lost however many arrive.
 */
export function coalesce<T>(task: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined
  let next: Promise<T> | undefined

  const start = (): Promise<T> => {
    const run = task().finally(() => {
      if (current === run) current = undefined
    })
    current = run
    return run
  }

  return () => {
    if (current === undefined) return start()
    next ??= current.then(ignore, ignore).then(() => {
      next = undefined
      return start()
    })
    return next
  }
}

function ignore(): void {}
