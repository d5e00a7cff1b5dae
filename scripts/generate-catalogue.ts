import { writeFile } from 'node:fs/promises'
import type { Catalogue } from '../src/db/catalogue/catalogue.ts'
import { readCatalogue } from '../src/db/catalogue/reader.ts'
import { snapshotFile } from '../src/db/catalogue/snapshot.ts'
import { migrationNames } from '../src/db/migration-files.ts'
import { migrateTo, migrateUp } from '../src/db/migrator.ts'
import { connectDatabase } from '../src/db/pool.ts'
import { startCluster } from '../test/support/cluster.ts'

/** The migration that each snapshot is taken after. */
export async function snapshotTargets(): Promise<{ readonly platform: string; readonly fleet: string }> {
  const names = await migrationNames()
  const platform = names.findLast((name) => name.startsWith('20260101'))
  const fleet = names.at(-1)
  if (platform === undefined || fleet === undefined) throw new Error('there are no migrations')
  return { platform, fleet }
}

/** Roles belong to the cluster: only those that the catalogue gives something to are of interest. */
export function renderSnapshot({ roles, ...catalogue }: Catalogue): string {
  const text = JSON.stringify(catalogue)
  const concerned = roles.filter((role) => text.includes(JSON.stringify(role)))
  return `${JSON.stringify({ ...catalogue, roles: concerned }, null, 1)}\n`
}

if (import.meta.main) {
  const { platform } = await snapshotTargets()
  const cluster = await startCluster()
  const { db, close } = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-generate-catalogue' })
  try {
    await migrateTo(db, platform)
    await writeFile(snapshotFile('platform'), renderSnapshot(await readCatalogue(db)))
    await migrateUp(db)
    await writeFile(snapshotFile('fleet'), renderSnapshot(await readCatalogue(db)))
  } finally {
    await close()
    await cluster.remove()
  }
}
