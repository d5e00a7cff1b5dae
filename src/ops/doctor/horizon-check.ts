import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const kinds = {
  TRANSACTION_OLD: {
    severity: 'warning',
    what: 'a transaction has been open for more than an hour',
    why: 'No row that has died since can be cleared away, in any table: the queues become slower by the hour.',
    remedy: 'end what it belongs to, or, in psql: SELECT pg_terminate_backend(pid)',
  },
  PREPARED_TRANSACTION_OLD: {
    severity: 'warning',
    what: 'a prepared transaction has waited for its end for more than an hour',
    why: 'It survives restarts, keeps its locks, and no row that has died since can be cleared away.',
    remedy: "in psql, in its database: ROLLBACK PREPARED 'its name', or COMMIT PREPARED",
  },
  REPLICATION_SLOT_IDLE: {
    severity: 'warning',
    what: 'a replication slot holds rows or log back, and nobody reads from it',
    why: 'Dead rows are not cleared away, or the log fills the disk, until somebody does.',
    remedy: "bring its reader back, or, in psql: SELECT pg_drop_replication_slot('its name')",
  },
} as const

type Code = keyof typeof kinds
const found = findingsOf(kinds)

/** Whether anything keeps dead rows from being cleared away, when it has been there for so long. */
export function createHorizonCheck({ patienceSeconds }: { patienceSeconds: number }): Check<DatabaseContext> {
  return {
    name: 'horizon',
    kinds,
    async examine({ db }) {
      const obstacles = await listObstacles(db, patienceSeconds)
      const findings = obstacles.map(({ code, what, remedy }) => found(code, { what, remedy }))
      return fineUnless(findings, 'nothing keeps dead rows from being cleared away')
    },
  }
}

export const horizonCheck = createHorizonCheck({ patienceSeconds: 3_600 })

/** Of other databases on the cluster others look after. */
async function listObstacles(
  db: Kysely<DB>,
  patienceSeconds: number,
): Promise<{ code: Code; what: string; remedy: string }[]> {
  const { rows } = await sql<{ code: Code; what: string; remedy: string }>`
    SELECT 'TRANSACTION_OLD' AS code,
           format('process %s (%s, %s), open since %s', pid, usename, coalesce(nullif(application_name, ''), 'without a name'),
                  to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')) AS what,
           format('end what it belongs to, or, in psql: SELECT pg_terminate_backend(%s)', pid) AS remedy
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND xact_start <= now() - make_interval(secs => ${patienceSeconds}) AND coalesce(backend_type, 'client backend') = 'client backend'
     UNION ALL
    SELECT 'PREPARED_TRANSACTION_OLD',
           format('%L, prepared %s', gid, to_char(prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
           format('in psql: ROLLBACK PREPARED %L, or COMMIT PREPARED', gid)
      FROM pg_prepared_xacts
     WHERE database = current_database() AND prepared <= now() - make_interval(secs => ${patienceSeconds})
     UNION ALL
    SELECT 'REPLICATION_SLOT_IDLE', format('%s (%s)', slot_name, coalesce(plugin, slot_type)),
           format('bring its reader back, or, in psql: SELECT pg_drop_replication_slot(%L)', slot_name)
      FROM pg_replication_slots
     WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL OR restart_lsn IS NOT NULL)`.execute(db)
  return rows
}
