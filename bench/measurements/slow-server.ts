import { fleet } from '../contestants/fleet.ts'
import type { Options } from '../options.ts'
import type { SlowRuns, SlowServer } from '../report/results.ts'
import { startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { race } from './race.ts'

const stepMs = 50
/** MAIL, RCPT and DATA are answered together, then the message. */
const stepsPerMail = 2

/**
 * Against a server that takes 50 ms for each answer: how near one process comes to what its connections can do, and eight to eight
 * times that. From the first MAIL command to the last mail accepted.
 */
export async function measureSlowServer(arena: Arena, options: Options): Promise<SlowServer> {
  const { connections, runs, slowSeconds, slowProcesses } = options
  const sink = await startSink({ stepMs })
  const each = Math.ceil((slowSeconds * 1000 * connections) / (stepMs * stepsPerMail))
  const fleets: SlowRuns[] = [1, slowProcesses].map((processes) => ({
    processes,
    mails: each * processes,
    perSecond: [],
    msPerMail: [],
  }))
  for (let run = 1; run <= runs; run += 1) {
    for (const [index, before] of fleets.entries()) {
      const { processes, mails } = before
      const contestant = fleet({ name: `fleet, ${processes} processes`, processes })
      const ring = { arena, sink, connections: connections * processes, mails }
      const { tally } = await race(contestant, ring)
      const perSecond = (mails / (tally.lastAcceptedAt - tally.firstCommandAt)) * 1000
      const msPerMail = tally.heldMs / mails
      console.log(
        `  run ${run}, ${contestant.name}: ${perSecond.toFixed(1)} mails/s, ${msPerMail.toFixed(1)} ms a mail`,
      )
      fleets[index] = {
        ...before,
        perSecond: [...before.perSecond, perSecond],
        msPerMail: [...before.msPerMail, msPerMail],
      }
    }
  }
  await sink.stop()
  return { stepMs, connections, fleets }
}
