import { sql } from 'kysely'
import { ConfigError } from '../../config/config-error.ts'
import { requireRights } from '../../process/database-rights.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'

const kinds = {
  RIGHTS_LACKING: {
    severity: 'error',
    what: 'the user of `DATABASE_URL` may not do what workers do, or does not see every row',
    why: 'Workers that are started with it end with status 78.',
    remedy: 'in psql, as the owner: GRANT fleet_worker TO the user; SELECT fleet.apply_roles()',
  },
  PUBLIC_SCHEMA_OPEN: {
    severity: 'warning',
    what: 'every role may create tables and functions in the schema public',
    why: 'Whoever can connect can put a function there that others then call as themselves (CVE-2018-1058).',
    remedy: 'in psql, as its owner: REVOKE CREATE ON SCHEMA public FROM PUBLIC',
  },
} as const

const found = findingsOf(kinds)

/** Whether the database's user has the rights of a worker, and nobody has too many. */
export const rightsCheck: Check<DatabaseContext> = {
  name: 'rights',
  kinds,
  async examine(context) {
    const { rows } = await sql<{ isOpen: boolean; role: string }>`
      SELECT has_schema_privilege('public', 'public', 'CREATE') AS "isOpen", current_user AS role`.execute(context.db)
    const findings = [
      ...(await findLacking(context)),
      ...(rows[0]?.isOpen
        ? [found('PUBLIC_SCHEMA_OPEN', { what: 'CREATE on schema public is granted to PUBLIC' })]
        : []),
    ]
    return fineUnless(findings, `${rows[0]?.role} has those of a worker`)
  },
}

async function findLacking({ db }: DatabaseContext): Promise<Finding[]> {
  try {
    await requireRights(db)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ given, reason, expected }) =>
      found('RIGHTS_LACKING', {
        what: `${given} ${reason}`,
        remedy: `in psql, as the owner: ${expected.replace(/^.*?: /, '')}`,
      }),
    )
  }
}
