import { type Kysely, sql } from 'kysely'

/** Something that adoption found to be otherwise than in a new database. */
export interface AdoptionNote {
  /** `table companies`, `mail email_queue` */
  readonly object: string
  /** False where it was left as it is. */
  readonly isChanged: boolean
  /** What was done, or what is so, in a few words. */
  readonly change: string
  readonly at: Date
}

export interface AdoptionReport {
  /** Tables of the platform that were there already. */
  readonly foundTables: readonly string[]
  /** Tables of the platform that the migrations made. */
  readonly createdTables: readonly string[]
  readonly notes: readonly AdoptionNote[]
}

/** What the migrations found in this database and changed of it; null where they made everything themselves, or nothing yet. */
export async function adoptionReport<DB>(db: Kysely<DB>): Promise<AdoptionReport | null> {
  const { rows: present } = await sql<{ exists: boolean }>`
    SELECT to_regclass('fleet.adoptions') IS NOT NULL AS exists`.execute(db)
  if (present[0]?.exists !== true) return null
  const { rows } = await sql<{ kind: string; name: string; what: string; change: string; at: Date }>`
    SELECT kind, name, what, change, at FROM fleet.adoptions ORDER BY id`.execute(db)
  if (rows.every(({ what }) => what === 'created')) return null
  const tables = (what: string) => [
    ...new Set(rows.filter((row) => row.kind === 'table' && row.what === what).map(({ name }) => name)),
  ]
  return {
    foundTables: tables('found'),
    createdTables: tables('created'),
    notes: rows
      .filter(({ what, change }) => what === 'changed' || (what === 'found' && change !== 'was there'))
      .map(({ kind, name, what, change, at }) => ({
        object: `${kind} ${name}`,
        isChanged: what === 'changed',
        change,
        at,
      })),
  }
}
