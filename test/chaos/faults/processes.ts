import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'

/** SIGKILL at a random moment: of one worker, and sometimes of the other soon after. */
export const kill: Fault = {
  name: 'kill',
  plan(random) {
    const afterMs = random.int(0, 800)
    const first = random.int(0, 1)
    const secondAfterMs = random.chance(0.3) ? random.int(0, 500) : undefined
    return {
      detail:
        secondAfterMs === undefined
          ? `one after ${afterMs} ms`
          : `one after ${afterMs} ms, the other ${secondAfterMs} ms later`,
      async strike({ crew }) {
        await delay(afterMs)
        crew.kill(first)
        if (secondAfterMs === undefined) return
        await delay(secondAfterMs)
        crew.kill(1 - first)
      },
    }
  },
}

/** A process that hangs until its rows have passed to others, and then goes on where it was. */
export const hang: Fault = {
  name: 'hang',
  plan(random) {
    const afterMs = random.int(0, 400)
    const slot = random.int(0, 1)
    const pastMs = random.int(500, 5_500)
    return {
      detail: `SIGSTOP for the lease and ${pastMs} ms`,
      async strike({ crew, leaseSeconds }) {
        await delay(afterMs)
        const frozen = crew.freeze(slot)
        await delay(leaseSeconds * 1000 + pastMs)
        frozen.thaw()
      },
    }
  },
}
