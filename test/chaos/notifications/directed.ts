import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { botAnswers } from '../../support/bot-api-answers.ts'
import { comeBackMs, directedStrikes, everyone, type Hindrance, hasNothing, waitFor } from '../faults/directed.ts'
import type { Stage } from '../faults/fault.ts'
import { chats } from './notices.ts'
import type { BotSink } from './sink.ts'

/** What each safeguard is there for, provoked. */
export const noticeStrikes = {
  ...directedStrikes<BotSink>({ rows: chats, hinder: keepTurns }),
  // Who stood still before the first part gives its turn back by itself.
  'lease check': {
    detail: 'a worker comes back late in the midst of messages that another has sent meanwhile',
    async strike(stage: Stage<BotSink>): Promise<void> {
      const { crew, sink, load } = stage
      stallSecondParts(sink)
      await waitFor(() => sink.stalled === everyone)
      const late = crew.freeze(0)
      sink.behave({ wake: true })
      await load.stop()
      await waitFor(() => hasNothing(stage))
      late.thaw()
      await delay(comeBackMs)
    },
  },
  'record of parts': {
    detail: 'a worker is killed that waits for the answer to the second part of a message',
    async strike({ crew, sink }: Stage<BotSink>): Promise<void> {
      stallSecondParts(sink)
      await waitFor(() => sink.stalled === everyone)
      crew.kill(0)
      sink.behave({ wake: true })
    },
  },
}

function stallSecondParts(sink: BotSink): void {
  sink.misbehave({ share: 1, answer: botAnswers.silenceAfter, only: (piece) => piece.endsWith('p2') })
}

/** Nobody gets a turn while somebody else has the bot's row locked. */
async function keepTurns({ database }: Stage<BotSink>, lanes: number): Promise<Hindrance> {
  const transaction = await database.db.startTransaction().execute()
  await sql`SELECT FROM fleet.channels WHERE name = 'telegram' FOR UPDATE`.execute(transaction)
  const user = new URL(database.workerUrl).username
  return {
    async isComplete() {
      const { rows } = await sql<{ waiting: number }>`
        SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE usename = ${user} AND wait_event_type = 'Lock'`.execute(
        database.db,
      )
      return rows[0]?.waiting === lanes
    },
    release: () => transaction.rollback().execute(),
  }
}
