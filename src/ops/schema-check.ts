import type { Kysely } from 'kysely'
import type { Catalogue } from '../db/catalogue/catalogue.ts'
import { type Comparison, compareCatalogues } from '../db/catalogue/comparison.ts'
import { readCatalogue } from '../db/catalogue/reader.ts'
import { expectedCatalogue } from '../db/catalogue/snapshot.ts'
import { listMigrations, type MigrationStatus } from '../db/migration-state.ts'
import type { DB } from '../db/schema.ts'
import { countRows, type RowCount } from './row-counts.ts'

/** How the database stands to what the migrations make, and the checks that the specification wants after migrating. */
export interface SchemaCheck {
  readonly migrations: {
    readonly applied: number
    readonly pending: readonly string[]
    /** Applied by a newer release. */
    readonly unknown: readonly string[]
    /** Files that are not what was applied. */
    readonly edited: readonly string[]
  }
  /** Null where the migrations of this release and those of the database are not the same: everything would differ. */
  readonly comparison: Comparison | null
  readonly rows: readonly RowCount[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly indexes: { readonly count: number; readonly invalid: readonly string[] }
}

interface ForeignKey {
  readonly table: string
  readonly name: string
  readonly definition: string
  readonly validated: boolean
}

/** Only reads, and needs no more than SELECT on fleet.migrations. */
export async function checkSchema(db: Kysely<DB>): Promise<SchemaCheck> {
  const migrations = await readMigrations(db)
  const live = await readCatalogue(db)
  const isComparable = migrations.pending.length === 0 && migrations.unknown.length === 0
  return {
    migrations,
    comparison: isComparable ? compareCatalogues(await expectedCatalogue('fleet'), live) : null,
    rows: await countRows(db),
    foreignKeys: foreignKeysOf(live),
    indexes: indexesOf(live),
  }
}

/** Whether anything is not as it should be. What others have added is nobody's fault. */
export function foundAnything({ migrations, comparison }: SchemaCheck): boolean {
  const { pending, unknown, edited } = migrations
  return comparison === null || [pending, unknown, edited, comparison.differences].some(({ length }) => length > 0)
}

async function readMigrations(db: Kysely<DB>): Promise<SchemaCheck['migrations']> {
  const migrations = await listMigrations(db)
  const named = (matches: (status: MigrationStatus) => boolean) => migrations.filter(matches).map(({ name }) => name)
  return {
    applied: named(({ appliedAt }) => appliedAt !== null).length,
    pending: named(({ appliedAt }) => appliedAt === null),
    unknown: named(({ known }) => !known),
    edited: named(({ edited }) => edited),
  }
}

function foreignKeysOf({ tables }: Catalogue): ForeignKey[] {
  return tables
    .filter(({ schema }) => schema !== 'pgboss')
    .flatMap(({ name: table, constraints }) =>
      constraints
        .filter(({ definition }) => definition.startsWith('FOREIGN KEY'))
        .map((constraint) => ({ table, ...constraint })),
    )
}

function indexesOf({ tables }: Catalogue): SchemaCheck['indexes'] {
  const indexes = tables.filter(({ schema }) => schema !== 'pgboss').flatMap((table) => table.indexes)
  return { count: indexes.length, invalid: indexes.filter(({ valid }) => !valid).map(({ name }) => name) }
}
