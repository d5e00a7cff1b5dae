import { compareCatalogues } from '../../src/db/catalogue/comparison.ts'
import type { Difference } from '../../src/db/catalogue/finding.ts'
import { readCatalogue as readMeaning } from '../../src/db/catalogue/reader.ts'
import { expectedCatalogue } from '../../src/db/catalogue/snapshot.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { renderScript } from '../../src/ops/migration-script.ts'
import { createEmptyTestDatabase } from '../support/database.ts'
import { runStatements } from '../support/sql-file.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'

/** What the migrations make and leave on one server. Each pair is to be equal. */
export interface RoundTrip {
  /** Lines of the catalogue. */
  readonly objects: number
  readonly upMs: number
  readonly sqlAndUp: readonly [Catalogue, Catalogue]
  readonly downAndEmpty: readonly [Catalogue, Catalogue]
  readonly againAndUp: readonly [Catalogue, Catalogue]
  /** What `fleet migrate check` would find. */
  readonly differences: readonly Difference[]
}

/** Goes up on an empty database, down to nothing and up again, and executes what `fleet migrate sql` prints on another. */
export async function makeRoundTrip(adminUrl: string): Promise<RoundTrip> {
  const byScript = await createEmptyTestDatabase(adminUrl)
  const { sql } = await renderScript({ from: null, to: undefined, direction: 'up' })
  await runStatements(byScript.url, sql)
  const bySql = await readCatalogue(byScript.pool)
  await byScript.drop()

  const { db, pool, drop } = await createEmptyTestDatabase(adminUrl)
  const empty = await readCatalogue(pool)
  const startedAt = performance.now()
  await migrateUp(db)
  const upMs = performance.now() - startedAt
  const up = await readCatalogue(pool)
  const { differences } = compareCatalogues(await expectedCatalogue('fleet'), await readMeaning(db))
  await migrateTo(db, null)
  const down = await readCatalogue(pool)
  await migrateUp(db)
  const again = await readCatalogue(pool)
  await drop()
  return {
    objects: up.objects.length,
    upMs,
    sqlAndUp: [bySql, up],
    downAndEmpty: [down, empty],
    againAndUp: [again, up],
    differences,
  }
}
