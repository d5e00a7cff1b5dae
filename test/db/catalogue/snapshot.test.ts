import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { renderSnapshot, snapshotTargets } from '../../../scripts/generate-catalogue.ts'
import { compareCatalogues } from '../../../src/db/catalogue/comparison.ts'
import { readCatalogue } from '../../../src/db/catalogue/reader.ts'
import { expectedCatalogue, snapshotFile } from '../../../src/db/catalogue/snapshot.ts'
import { migrateTo } from '../../../src/db/migrator.ts'
import { hasMajor, startCluster } from '../../support/cluster.ts'
import { createEmptyTestDatabase } from '../../support/database.ts'

const snapshots = ['platform', 'fleet'] as const
const installed = [(await hasMajor(12)) ? 12 : 0, (await hasMajor(13)) ? 13 : 0]

describe('the snapshots in src/db/catalogue', () => {
  test('are what `npm run generate:catalogue` writes now', async () => {
    const database = await createEmptyTestDatabase()
    const targets = await snapshotTargets()
    for (const name of snapshots) {
      await migrateTo(database.db, targets[name])
      expect(await readFile(snapshotFile(name), 'utf8'), name).toBe(renderSnapshot(await readCatalogue(database.db)))
    }
    await database.drop()
  })

  for (const major of [12, 13] as const) {
    test.skipIf(!installed.includes(major))(`hold on PostgreSQL ${major}, too`, async () => {
      const cluster = await startCluster({ major })
      const database = await createEmptyTestDatabase(cluster.adminUrl)
      const targets = await snapshotTargets()
      for (const name of snapshots) {
        await migrateTo(database.db, targets[name])
        const live = await readCatalogue(database.db)
        expect(live.major).toBe(major)
        expect(compareCatalogues(await expectedCatalogue(name), live), name).toEqual({ differences: [], extras: [] })
      }
      await database.db.destroy()
      await cluster.remove()
    })
  }
})
