import { afterAll, describe, expect, it } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { readStages } from '../../src/subscriptions/stage-store.ts'
import { listBatches } from '../../src/subscriptions/survey.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fillSubscriptions } from './many-subscriptions.ts'

const clusters: TestCluster[] = []
afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())))

async function databaseOn(major: 13 | 18): Promise<TestDatabase> {
  if (major === 18) return createTestDatabase()
  const cluster = await startCluster({ major })
  clusters.push(cluster)
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
  return database
}

/** How the server looks for what is due, as auto_explain reports it: plans, and buffers touched. */
async function lookForDue(url: string): Promise<{ plans: string[]; buffers: number }> {
  const database = connectDatabase({ url, applicationName: 'due-plan', max: 1 })
  const plans: string[] = []
  database.pool.on('connect', (client) => {
    client.on('notice', (notice) => plans.push(notice.message ?? ''))
  })
  await database.pool.query(`LOAD 'auto_explain'`)
  await database.pool.query(`
    SELECT set_config('auto_explain.log_min_duration', '0', false), set_config('auto_explain.log_analyze', 'on', false),
           set_config('auto_explain.log_buffers', 'on', false), set_config('client_min_messages', 'log', false)`)
  const stages = await readStages(database.db)
  const circumstances = { now: new Date(), stages, longPastMs: 30 * 24 * 3_600_000, baseline: false }
  await database.db.transaction().execute((trx) => listBatches(trx, circumstances))
  await database.close()
  const looked = plans.filter((text) => text.includes('SELECT DISTINCT id'))
  const buffers = looked.map((text) => /Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(text) ?? [])
  return {
    plans: looked,
    buffers: buffers.reduce((sum, [, hit = '0', read = '0']) => sum + Number(hit) + Number(read), 0),
  }
}

const majors = await Promise.all(
  ([13, 18] as const).map(async (major) => ({ major, installed: await hasMajor(major) })),
)

describe('looking for what is due', () => {
  for (const { major, installed } of majors) {
    it.skipIf(!installed)(`uses the indexes and reads next to nothing, on PostgreSQL ${major}`, async () => {
      const database = await databaseOn(major)
      await fillSubscriptions(database, { companies: 500, projects: 5_000, portraits: 20_000 })
      const { plans, buffers } = await lookForDue(database.url)
      expect(plans).toHaveLength(3)
      const plan = plans.join('\n')
      for (const index of ['warn', 'remind', 'expire', 'suspend']) {
        expect(plan).toContain(`ix_projects_${index}`)
        expect(plan).toContain(`ix_portraits_${index}`)
      }
      expect(plan).toContain('ix_companies_subscription_expires_at')
      expect(plan).not.toMatch(/Seq Scan|Gather|JIT/)
      expect(buffers).toBeLessThan(60)
      await database.drop()
    })
  }
})
