import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks again and again until `holds`; throws when nothing has moved for a minute. `progress` is what moves.
 */
export async function until(
  ask: () => Promise<{ holds: boolean; progress: number }>,
  { everyMs, stallMs = 60_000 }: { everyMs: number; stallMs?: number },
): Promise<void> {
  let reached = Number.NaN
  let movedAt = performance.now()
  for (;;) {
    const { holds, progress } = await ask()
    if (holds) return
    if (progress !== reached) movedAt = performance.now()
    reached = progress
    if (performance.now() - movedAt > stallMs) throw new Error(`Nothing has moved for ${stallMs} ms at ${progress}`)
    await delay(everyMs)
  }
}
