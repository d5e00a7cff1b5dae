import { expect, test } from 'vitest'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { hasMajor, startCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase } from '../support/database.ts'
import { readCatalogue } from './catalogue.ts'

test.skipIf(!(await hasMajor(13)))('PostgreSQL 13 goes up, down to nothing, and up again', async () => {
  const cluster = await startCluster({ major: 13 })
  const { db, pool, drop } = await createEmptyTestDatabase(cluster.adminUrl)
  const empty = await readCatalogue(pool)
  await migrateUp(db)
  const full = await readCatalogue(pool)
  await migrateTo(db, null)
  expect(await readCatalogue(pool)).toEqual(empty)
  await migrateUp(db)
  expect(await readCatalogue(pool)).toEqual(full)
  await drop()
  await cluster.remove()
})
