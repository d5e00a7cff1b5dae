import { join } from 'node:path'
import { migrateUp } from '../../src/db/migrator.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { removeLeftovers } from '../support/temporary-folder.ts'
import { createWorkerLogin } from '../support/worker-login.ts'

/** What all rounds share: a PostgreSQL that is as durable as in production, a migrated database, and a copy of the project. */
export interface Scene {
  readonly cluster: TestCluster
  readonly database: TestDatabase
  readonly installation: Installation
  remove(): Promise<void>
}

export async function setScene(): Promise<Scene> {
  await removeLeftovers()
  const installation = await createInstallation()
  const cluster = await startCluster({ durable: true })
  await createWorkerLogin(cluster.adminUrl)
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
  return {
    cluster,
    database,
    installation,
    async remove() {
      await database.drop()
      await cluster.remove()
      await installation.remove()
    },
  }
}

/** Where the project's own source lies. */
export const sourceFolder = join(import.meta.dirname, '../../src')
