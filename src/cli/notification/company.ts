import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'

/** The company with that id, slug or name. */
export async function requireCompany(db: Kysely<DB>, given: string): Promise<{ id: number; name: string }> {
  // Loaded late: the help of these commands needs no database.
  const { findCompany } = await import('../../ops/notifications/find-company.ts')
  const company = await findCompany(db, given)
  if (company !== undefined) return company
  throw new CliError(`no company has the id, slug or name ${JSON.stringify(given)}`, {
    code: 'COMPANY_UNKNOWN',
    hint: 'fleet search finds companies by part of their name',
    exitStatus: exitStatus.failed,
  })
}
