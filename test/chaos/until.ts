import { setTimeout as delay } from 'node:timers/promises'

const everyMs = 20

/** Looks again and again whether something holds; false when it does not within the time. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { withinMs }: { readonly withinMs: number },
): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) return false
    await delay(everyMs)
  }
  return true
}
