import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Frozen } from '../crew.ts'
import type { Mutation } from '../mutations.ts'
import { until } from '../until.ts'
import type { Stage, Strike } from './fault.ts'

/** More than two workers begin with at once. */
const plenty = 60
const withinMs = 30_000
/** More than one worker has connections: at least one of each is among them. */
const ofBoth = 5
/** All connections. */
const everyone = 8
const comeBackMs = 3_000

/** What each safeguard is there for, provoked. */
export const directed: Readonly<Record<Mutation, Strike>> = {
  fence: {
    detail: 'a worker comes back late and gives rows back that another is handing over',
    async strike(stage) {
      const { sink } = stage
      const late = await freezeInMidst(stage)
      await waitFor(() => hasOnly(stage, late.pid))
      sink.misbehave({ at: 'message', share: 1, accepts: true, act: (session) => session.stall() })
      await waitFor(() => sink.stalled >= 2)
      late.thaw()
      await delay(comeBackMs)
      sink.behave({ wake: true })
    },
  },
  'hand-over mark': {
    detail: 'a worker is killed that waits for answers',
    async strike({ crew, sink }) {
      sink.misbehave({ at: 'message', share: 1, accepts: true, act: (session) => session.stall() })
      await waitFor(() => sink.stalled >= ofBoth)
      crew.kill(0)
      sink.behave({ wake: true })
    },
  },
  'lease check': {
    detail: 'a worker comes back late with rows that it has not handed over',
    async strike(stage) {
      const late = await freezeInMidst(stage)
      await waitFor(() => hasNothing(stage))
      late.thaw()
      await delay(comeBackMs)
    },
  },
  'record of recipients': {
    detail: 'nothing but recipients that are deferred',
    strike: async () => {},
  },
}

/** Stops a worker while all of its connections wait for the answer to a recipient: rows in hand, and nothing handed over. */
async function freezeInMidst(stage: Stage): Promise<Frozen> {
  const { crew, load, sink } = stage
  await load.stop()
  await waitFor(() => hasNothing(stage))
  sink.misbehave({ at: 'rcpt', share: 1, act: (session) => session.stall() })
  await load.burst(plenty)
  await waitFor(() => sink.stalled === everyone)
  const frozen = crew.freeze(0)
  sink.behave({ wake: true })
  return frozen
}

/** Whether all that is left is in the hands of this process. */
async function hasOnly({ database }: Stage, pid: number): Promise<boolean> {
  const { rows } = await sql<{ others: number }>`
    SELECT count(*)::int AS others FROM email_queue
     WHERE status = 'pending' OR (status = 'sending' AND claimed_by NOT LIKE ${`%:${pid}`})`.execute(database.db)
  return rows[0]?.others === 0
}

async function hasNothing({ database }: Stage): Promise<boolean> {
  const { rows } = await sql<{ left: number }>`
    SELECT count(*)::int AS left FROM email_queue WHERE status IN ('pending', 'sending')`.execute(database.db)
  return rows[0]?.left === 0
}

async function waitFor(holds: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await until(holds, { withinMs }))) throw new Error('The directed round did not come to its point')
}
