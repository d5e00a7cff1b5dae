import type { TestDatabase } from '../../test/support/database.ts'
import { insertMails } from '../mails/mails.ts'
import { startEmailWorker } from '../support/worker-process.ts'
import type { Contestant, Entered, Ring } from './contestant.ts'

export interface FleetOptions {
  readonly name: string
  readonly processes: number
  /** Node's own options for the workers. */
  readonly execArgv?: readonly string[]
  /** A migrated one; a new one unless given. */
  readonly database?: TestDatabase
}

interface FleetContestant extends Contestant {
  enter(ring: Ring): Promise<EnteredFleet>
}

interface EnteredFleet extends Entered {
  /** Ends the workers, before the database is dropped. */
  stop(): Promise<void>
}

/**
 * The fleet's e-mail workers as they are. They are ready and idle when the transaction that has inserted the mails commits, so that no
 * process has a start over another.
 */
export function fleet(options: FleetOptions): FleetContestant {
  return { name: options.name, enter: (ring) => enter(ring, options) }
}

async function enter(
  { arena, sink, connections, mails }: Ring,
  { processes, execArgv = [], database: given }: FleetOptions,
): Promise<EnteredFleet> {
  const database = given ?? (await arena.createFleetDatabase())
  const each = Math.ceil(connections / processes)
  const settings = { databaseUrl: database.url, smtpUrl: sink.url, connections: each, execArgv }
  const workers = await Promise.all(Array.from({ length: processes }, () => startEmailWorker(settings)))
  const producer = await database.pool.connect()
  await producer.query('BEGIN')
  await producer.query('SET LOCAL statement_timeout = 0')
  await insertMails(producer, mails)
  await producer.query('ANALYZE email_queue')
  await database.pool.query('CHECKPOINT')
  let stopped: Promise<unknown> | undefined
  const stop = async () => {
    stopped ??= Promise.all(workers.map((worker) => worker.stop()))
    await stopped
  }
  return {
    settings: { processes, EMAIL_CONCURRENCY: each, LOG_LEVEL: 'warn' },
    async go() {
      await producer.query('COMMIT')
      producer.release()
    },
    async unrecorded() {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS left FROM email_queue WHERE status IN ('pending', 'sending')`,
      )
      return rows[0].left
    },
    stop,
    async leave() {
      await stop()
      await database.drop()
    },
  }
}
