import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { keepPartitions } from '../../src/maintenance/partitions.ts'
import { dropPast } from '../../src/maintenance/retention.ts'
import { readCatalogue } from '../migrations/catalogue.ts'
import { insertOneRowEach } from '../migrations/platform-rows.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { fillDefault, insertAudit, maintenanceOf, partitionsOf, placesOf, setClock } from './maintenance.ts'

const unpartitioned = '20260302000500_index_tables_to_partition'

describe.skipIf(!(await hasMajor(12)))('PostgreSQL 12', () => {
  let cluster: TestCluster
  let database: TestDatabase
  beforeAll(async () => {
    cluster = await startCluster({ major: 12 })
    database = await createEmptyTestDatabase(cluster.adminUrl)
  })
  afterAll(async () => {
    await database.pool.end()
    await cluster.remove()
  })

  test('converts tables, splits months off a small and a large default partition, drops them, and goes back', async () => {
    await migrateTo(database.db, unpartitioned)
    await insertOneRowEach(database.pool)
    const before = await readCatalogue(database.pool)
    await migrateUp(database.db)
    await setClock(database, '2026-11-24 21:00:00')
    await fillDefault(database)
    await insertAudit(database, '2026-11-24', '2026-12-24')
    await database.pool.query(`UPDATE ar_view_sessions SET created_at = NULL`)
    const kept = await keepPartitions(maintenanceOf(database))
    expect(kept.left).toEqual(['public.audit_log 2026-11'])
    // Three months of audit_log, four each of ar_view_sessions, the archive and the two ledgers of attempts.
    expect(kept.made).toHaveLength(19)
    expect(await placesOf(database)).toEqual(
      expect.arrayContaining(['2026-11-24 00:00:00 in audit_log_default', '2026-12-24 00:00:00 in audit_log_2026_12']),
    )
    await setClock(database, '2027-03-01 00:00:00')
    expect(await dropPast(maintenanceOf(database), 'public.audit_log', { count: 1, unit: 'months' })).toEqual({
      partitions: ['public.audit_log_2026_12', 'public.audit_log_2027_01'],
      rows: expect.any(Number),
    })
    expect(await partitionsOf(database, 'public.audit_log')).toHaveLength(1)
    await migrateTo(database.db, unpartitioned)
    const after = await readCatalogue(database.pool)
    expect(after.objects.filter((line) => !line.includes('fleet.utc_now()'))).toEqual(
      before.objects.filter((line) => !line.includes('fleet.utc_now()')),
    )
    expect(after.counts).toEqual(before.counts)
    expect((await database.pool.query('SELECT FROM ar_view_sessions')).rowCount).toBe(1)
  })
})
