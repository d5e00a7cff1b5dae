import { setImmediate, setInterval } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import type { DB } from '../../src/db/schema.ts'
import { firstCompany, lastCompany } from './due-subscriptions.ts'

/** Projects whose ends the platform moves all the time. */
const moving = { first: 10_001, last: 10_040 }

export async function insertMoving(db: Kysely<DB>): Promise<void> {
  await sql`
    INSERT INTO projects (id, company_id, name, slug)
    SELECT n, ${firstCompany}::int + n % 40, 'Moving ' || n, 'moving-' || n
      FROM generate_series(${moving.first}::int, ${moving.last}::int) AS n`.execute(db)
}

interface Writing {
  readonly writes: number
  /** The longest that one statement took. */
  readonly longestMs: number
}

/**
 * What the platform does meanwhile, in a session of another time zone, until `signal`: it writes to companies and to projects that are
 * being swept, moves the ends of others, and holds a company and a project for a moment. Rejects where a statement waits for a lock
 * for much longer than a batch takes on the slowest machine.
 */
export async function writeAsPlatform(url: string, signal: AbortSignal): Promise<Writing> {
  const client = new pg.Client({ connectionString: url, application_name: 'platform' })
  await client.connect()
  let writes = 0
  let longestMs = 0
  const write = async (statement: string) => {
    const begun = performance.now()
    await client.query(statement)
    longestMs = Math.max(longestMs, performance.now() - begun)
    writes += 1
  }
  try {
    await client.query(`SET lock_timeout = '60s'; SET TimeZone = 'Asia/Vladivostok'`)
    while (!signal.aborted) {
      await write(`UPDATE companies SET notes = 'n${writes}' WHERE id = ${anyId(firstCompany, lastCompany)}`)
      await write(`UPDATE projects SET description = 'd${writes}' WHERE id = ${anyId(1, 2000)}`)
      await write(`UPDATE projects SET subscription_end = ${anyEnd()} WHERE id = ${anyId(moving.first, moving.last)}`)
      await client.query('BEGIN')
      await write(`UPDATE companies SET notes = 'h${writes}' WHERE id = ${anyId(firstCompany, lastCompany)}`)
      await write(`UPDATE projects SET description = 'h${writes}' WHERE id = ${anyId(1, 2000)}`)
      await client.query('COMMIT')
      await setImmediate()
    }
  } finally {
    await client.end()
  }
  return { writes, longestMs }
}

interface Watch {
  /** The statements that were seen to wait, each with the transactions that it waited for. */
  readonly waits: readonly { readonly statement: string; readonly blockers: ReadonlySet<string> }[]
  /** How long the longest transaction of a sweep was seen to be open. */
  readonly longestBatchMs: number
}

/** Watches what `writeAsPlatform` waits for, until `signal`. */
export async function watchPlatform(db: Kysely<DB>, signal: AbortSignal): Promise<Watch> {
  const waits = new Map<string, Set<string>>()
  let longestBatchMs = 0
  for await (const _ of setInterval(5)) {
    if (signal.aborted) break
    const { rows } = await sql<{ statement: string | null; blocker: string; openMs: number }>`
      SELECT waiting.statement || ' ' || waiting.query AS statement, s.backend_xid::text AS blocker,
             extract(epoch FROM clock_timestamp() - s.xact_start)::double precision * 1000 AS "openMs"
        FROM pg_stat_activity AS s
        LEFT JOIN (SELECT query_start::text AS statement, query, pg_blocking_pids(pid) AS pids FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'platform') AS waiting
          ON s.pid = ANY (waiting.pids)
       WHERE s.datname = current_database() AND s.application_name LIKE 'sweep %' AND s.backend_xid IS NOT NULL`.execute(
      db,
    )
    longestBatchMs = Math.max(longestBatchMs, ...rows.map(({ openMs }) => openMs))
    for (const { statement, blocker } of rows) {
      if (statement !== null) waits.set(statement, (waits.get(statement) ?? new Set()).add(blocker))
    }
  }
  return { waits: [...waits].map(([statement, blockers]) => ({ statement, blockers })), longestBatchMs }
}

function anyId(first: number, last: number): number {
  return first + Math.floor(Math.random() * (last - first + 1))
}

function anyEnd(): string {
  const ends = ['NULL', `date_trunc('second', fleet.utc_now()) + interval '3 days'`, `timestamp '2099-12-31'`]
  return ends[anyId(0, ends.length - 1)] ?? 'NULL'
}
