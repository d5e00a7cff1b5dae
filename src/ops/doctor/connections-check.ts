import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, type Examination, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const tightShare = 0.8

const kinds = {
  CONNECTIONS_SHORT: {
    severity: 'error',
    what: 'what all workers may open and what others hold is more than the database has for ordinary roles',
    why: 'Under load workers, and the platform, are turned away.',
    remedy: 'lower DATABASE_POOL_MAX or the number of workers, raise max_connections, or put PgBouncer in between',
  },
  CONNECTIONS_TIGHT: {
    severity: 'warning',
    what: 'it is more than 80 % of that',
    why: 'Another worker, or a busy hour of the platform, may not find room.',
    remedy: 'lower DATABASE_POOL_MAX or the number of workers, raise max_connections, or put PgBouncer in between',
  },
} as const

const found = findingsOf(kinds)

interface Budget {
  /** What all living workers may open. */
  readonly fleet: number
  /** What everybody else holds now. */
  readonly others: number
  /** What is there for roles that are no superusers. */
  readonly room: number
}

/** Whether the whole fleet finds room in the database beside its neighbours. */
export const connectionsCheck: Check<DatabaseContext> = {
  name: 'connections',
  kinds,
  async examine({ db, config: { database } }) {
    if (database.directUrl !== database.url) return { findings: [], skipped: 'workers connect through a pooler' }
    return judgeBudget(await readBudget(db))
  },
}

export function judgeBudget({ fleet, others, room }: Budget): Examination {
  const what = `workers may open ${fleet}, others hold ${others}, and there is room for ${room}`
  if (fleet + others > room) return { findings: [found('CONNECTIONS_SHORT', { what })] }
  if (fleet + others > room * tightShare) return { findings: [found('CONNECTIONS_TIGHT', { what })] }
  return fineUnless([], what)
}

/** Sessions of workers are known by their names, which everybody may read. `reserved_connections` is there from 16 on. */
async function readBudget(db: Kysely<DB>): Promise<Budget> {
  const { rows } = await sql<Budget>`
    SELECT (SELECT coalesce(sum(connections), 0)::int FROM fleet.workers WHERE heartbeat_at > now() - interval '20 seconds') AS fleet,
           (SELECT count(*)::int FROM pg_stat_activity
             WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
               AND pid <> pg_backend_pid() AND application_name NOT LIKE 'fleet %') AS others,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true)::int, 0) AS room`.execute(db)
  return rows[0] ?? { fleet: 0, others: 0, room: 0 }
}
