import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'

const slowMs = 50
const pings = 5

/** pg-boss needs it; the migrations run on 12 as well. */
const oldestMajor = 13
const newestMajor = 18
/** The last day on which the project mends a version: https://www.postgresql.org/support/versioning/. */
const ends: Readonly<Record<number, string>> = {
  13: '2025-11-13',
  14: '2026-11-12',
  15: '2027-11-11',
  16: '2028-11-09',
  17: '2029-11-08',
  18: '2030-11-14',
}

const kinds = {
  DATABASE_UNREACHABLE: {
    severity: 'error',
    what: 'the database cannot be reached, or the connection was lost',
    why: 'Workers wait for it, and nothing is sent.',
    remedy: 'see that PostgreSQL is running and that DATABASE_URL is right',
  },
  DATABASE_SLOW: {
    severity: 'warning',
    what: 'a round trip to the database takes more than 50 ms',
    why: 'A mail takes several: a worker sends but a few a second for each connection.',
    remedy: 'run the workers near the database, or look for what keeps it or the network busy',
  },
  POSTGRESQL_TOO_OLD: {
    severity: 'error',
    what: 'PostgreSQL is older than 13',
    why: 'Workers wait: pg-boss, which runs the schedules, needs 13.',
    remedy: 'upgrade PostgreSQL (pg_upgrade); 18 is best',
  },
  POSTGRESQL_END_OF_LIFE: {
    severity: 'warning',
    what: 'this version of PostgreSQL is not mended any more',
    why: 'Faults in it, also of security, stay.',
    remedy: 'upgrade PostgreSQL (pg_upgrade)',
  },
  POSTGRESQL_UNTRIED: {
    severity: 'warning',
    what: 'PostgreSQL is newer than 18, which this release was tried on',
    why: 'What has changed there nobody has looked at.',
    remedy: 'install a newer release of the fleet',
  },
} as const

export const foundDatabase = findingsOf(kinds)

/** Whether the database is near, and of a version that the fleet runs on. */
export const databaseCheck: Check<DatabaseContext> = {
  name: 'database',
  kinds,
  async examine({ db }) {
    const { version, major, today } = await readVersion(db)
    const latencyMs = await measureLatency(db)
    const findings = [
      ...judgeVersion(major, { version, today }),
      ...(latencyMs > slowMs
        ? [foundDatabase('DATABASE_SLOW', { what: `a round trip takes ${Math.round(latencyMs)} ms` })]
        : []),
    ]
    return fineUnless(findings, `PostgreSQL ${version}, ${latencyMs.toFixed(1)} ms away`)
  },
}

interface Version {
  readonly version: string
  readonly major: number
  readonly today: string
}

async function readVersion(db: Kysely<DB>): Promise<Version> {
  const { rows } = await sql<Version>`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer / 10000 AS major,
           to_char(now(), 'YYYY-MM-DD') AS today`.execute(db)
  if (rows[0] === undefined) throw new Error('The database does not tell its version')
  return rows[0]
}

/** What is judged is the version, not the day: exported for a table of both. */
export function judgeVersion(major: number, { version, today }: { version: string; today: string }): Finding[] {
  if (major < oldestMajor) return [foundDatabase('POSTGRESQL_TOO_OLD', { what: `it is ${version}` })]
  if (major > newestMajor) return [foundDatabase('POSTGRESQL_UNTRIED', { what: `it is ${version}` })]
  const end = ends[major]
  if (end === undefined || today <= end) return []
  return [
    foundDatabase('POSTGRESQL_END_OF_LIFE', { what: `${version}: the last release of ${major} was due on ${end}` }),
  ]
}

/** The median: the first may open a connection. */
async function measureLatency(db: Kysely<DB>): Promise<number> {
  const times: number[] = []
  for (let ping = 0; ping < pings; ping += 1) {
    const asked = performance.now()
    await sql`SELECT 1`.execute(db)
    times.push(performance.now() - asked)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(pings / 2)] ?? 0
}
