/**
 * Writes `docs/cli.md`. With the URL of a cluster and the name of a migrated, empty database on it, it uses those, and prints the page.
 *
 *   node scripts/generate-cli-docs.ts [adminUrl database]
 */
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { migrateUp } from '../src/db/migrator.ts'
import { connectDatabase } from '../src/db/pool.ts'
import { startCluster } from '../test/support/cluster.ts'
import { renderCliPage } from './cli-docs/page.ts'

const [adminUrl, database] = process.argv.slice(2)
if (adminUrl !== undefined && database !== undefined) process.stdout.write(await renderCliPage(adminUrl, database))
else await writePage()

async function writePage(): Promise<void> {
  const cluster = await startCluster()
  try {
    const { db, close } = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-generate-cli-docs' })
    await migrateUp(db)
    await close()
    const elsewhere = new URL(cluster.adminUrl)
    elsewhere.pathname = '/template1'
    await writeFile(new URL('../docs/cli.md', import.meta.url), await renderCliPage(elsewhere.href, 'postgres'))
  } finally {
    await cluster.remove()
  }
}
