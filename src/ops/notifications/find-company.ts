import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'

/** The company with that id, slug or name, in this order; undefined where there is none. */
export async function findCompany(db: Kysely<DB>, given: string): Promise<{ id: number; name: string } | undefined> {
  const { rows } = await sql<{ id: number; name: string }>`
    SELECT id, name
      FROM companies
     WHERE id::text = ${given} OR slug = ${given} OR name = ${given}
     ORDER BY id::text = ${given} DESC, slug = ${given} DESC
     LIMIT 1`.execute(db)
  return rows[0]
}
