/** What the step comes to, or undefined as soon as the signal is aborted. The step itself goes on, and nobody waits for it. */
export async function unlessAborted<T>(step: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const giveUp = (): void => resolve(undefined)
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  return await Promise.race([step, promise]).finally(() => signal.removeEventListener('abort', giveUp))
}
