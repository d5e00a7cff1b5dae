import type { FaultPointOrder } from '../orders.ts'
import type { Fault } from './fault.ts'

/** Long enough for what happens every five seconds. */
const windowMs = 6_000
const anyAfterMs = 1_500

/** SIGKILL at a named await of the drain: each of the two workers has one, and the rounds walk through them. */
export function killAtAwait(points: readonly string[]): Fault {
  return {
    name: 'kill-at-await',
    hasPlaces: true,
    plan(random, turn) {
      const orders = [0, 1].map((slot): FaultPointOrder => {
        const name = points[(2 * turn + slot) % points.length] ?? ''
        const delayMs = random.chance(0.5) ? 0 : random.int(1, 4)
        return { name, passage: random.int(1, 50), anyAfterMs, delayMs }
      })
      return {
        detail: orders.map(({ name, passage, delayMs }) => `${name} #${passage} +${delayMs} ms`).join(', '),
        orders,
        strike: ({ crew }) => crew.spendArmed({ withinMs: windowMs }),
      }
    },
  }
}
