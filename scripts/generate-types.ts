import { writeFile } from 'node:fs/promises'
import type { Kysely } from 'kysely'
import { generate, PostgresDialect } from 'kysely-codegen'
import { migrateUp } from '../src/db/migrator.ts'
import { connectDatabase } from '../src/db/pool.ts'
import { startCluster } from '../test/support/cluster.ts'

/** The generated row types of this database, as `src/db/schema.ts` holds them. */
export const typesFile = new URL('../src/db/schema.ts', import.meta.url)

/**
 * TypeScript for the rows of every table and view in `public` and `fleet`, named as the database names them. The migrator's and
 * pg-boss's own tables are nobody else's business.
 */
export async function generateTypes<DB>(db: Kysely<DB>): Promise<string> {
  return generate({
    db,
    dialect: new PostgresDialect({ dateParser: 'timestamp', numericParser: 'string', domains: true }),
    excludePattern: '{pgboss.*,fleet.migrations,fleet.migrations_lock}',
    // Intervals are read in the form that a query asks for.
    typeMapping: { interval: 'unknown' },
    outFile: null,
  })
}

if (import.meta.main) {
  const cluster = await startCluster()
  const { db, close } = connectDatabase({ url: cluster.adminUrl, applicationName: 'fleet-generate-types' })
  try {
    await migrateUp(db)
    await writeFile(typesFile, await generateTypes(db))
  } finally {
    await close()
    await cluster.remove()
  }
}
