import { type Kysely, sql } from 'kysely'
import { expect } from 'vitest'
import type { DB } from '../../src/db/schema.ts'
import type { SpawnedWorker } from '../support/processes.ts'

/** Node's option for a worker that tells on SIGWINCH how much of the processor it has used. */
export const telling = [
  '--import',
  `data:text/javascript,process.on('SIGWINCH', () => console.log(JSON.stringify({ msg: 'used', ...process.cpuUsage() })))`,
]

/** Much more than anything here needs, much less than a loop without a pause makes. */
const most = { logLinesPerSecond: 3, statementsPerSecond: 200, processorShare: 0.5 }

/** What a worker does while something is wrong around it. It must have been started with `telling`. */
export class Ordeal {
  readonly #worker: SpawnedWorker
  readonly #db: Kysely<DB>
  readonly #begun: Usage

  private constructor(worker: SpawnedWorker, db: Kysely<DB>, begun: Usage) {
    this.#worker = worker
    this.#db = db
    this.#begun = begun
  }

  static async begin(worker: SpawnedWorker, db: Kysely<DB>): Promise<Ordeal> {
    return new Ordeal(worker, db, await measure(worker, db))
  }

  /** It did not spin meanwhile: neither in itself, nor in its log, nor at the database. */
  async expectCalm(): Promise<void> {
    const { at, ...used } = await measure(this.#worker, this.#db)
    const begun = this.#begun
    const seconds = (at - begun.at) / 1000
    expect(used.logLines - begun.logLines).toBeLessThan(20 + most.logLinesPerSecond * seconds)
    // A server that crashed counts from nought.
    expect(used.statements - begun.statements).toBeLessThan(500 + most.statementsPerSecond * seconds)
    expect(used.processorSeconds - begun.processorSeconds).toBeLessThan(2 + most.processorShare * seconds)
  }

  /** All is well again: everything is sent, nothing is left behind, and it is still the same process, without a bug. */
  async expectRecovery(sent: number): Promise<void> {
    await expect.poll(() => readState(this.#db), { timeout: 45_000 }).toEqual({ sent, marks: 0 })
    await measure(this.#worker, this.#db) // Only a process that is there answers.
    expect(this.#worker.logs.filter(({ level, msg }) => level === 'fatal' || msg.startsWith('a bug'))).toEqual([])
  }
}

interface Usage {
  readonly at: number
  /** One for each mail not counted. */
  readonly logLines: number
  readonly statements: number
  readonly processorSeconds: number
}

async function measure(worker: SpawnedWorker, db: Kysely<DB>): Promise<Usage> {
  const told = () => worker.logs.filter(({ msg }) => msg === 'used')
  const before = told().length
  worker.signal('SIGWINCH')
  await expect.poll(() => told().length).toBeGreaterThan(before)
  const used = told().at(-1)
  const { rows } = await sql<{ statements: number }>`
    SELECT (xact_commit + xact_rollback)::int AS statements FROM pg_stat_database WHERE datname = current_database()`.execute(
    db,
  )
  return {
    at: performance.now(),
    logLines: worker.logs.filter(({ msg }) => msg !== 'email sent').length,
    statements: rows[0]?.statements ?? 0,
    processorSeconds: (Number(used?.user) + Number(used?.system)) / 1_000_000,
  }
}

/** How many mails have each status, and how many hand-overs have no outcome. */
async function readState(db: Kysely<DB>): Promise<Record<string, number>> {
  const { rows } = await sql<{ status: string; count: number }>`
    SELECT status, count(*)::int AS count FROM email_queue GROUP BY status
    UNION ALL SELECT 'marks', count(*)::int FROM fleet.email_handovers`.execute(db)
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}
