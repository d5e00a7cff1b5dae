import { sql } from 'kysely'
import { afterAll, describe, expect, it } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { emailTable } from '../../src/email/store.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase } from '../support/database.ts'

/** A tenth of what the benchmark has; the plan is the same. */
const history = 100_000
const scheduledAhead = 20_000

const clusters: TestCluster[] = []
afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())))

async function databaseOn(major: 13 | 18) {
  if (major === 18) return createTestDatabase()
  const cluster = await startCluster({ major })
  clusters.push(cluster)
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
  return database
}

/** Buffers that the server touched while it ran one statement of the fleet's own, as auto_explain reports them. */
async function buffersOfClaim(url: string): Promise<{ buffers: number; plan: string }> {
  const database = connectDatabase({ url, applicationName: 'claim-plan', max: 1 })
  const plans: string[] = []
  database.pool.on('connect', (client) => {
    client.on('notice', (notice) => plans.push(notice.message ?? ''))
  })
  // What the gate reads once in a session is not what a claim costs.
  await database.pool.query(`SELECT fleet.may_send('email', NULL)`)
  await database.pool.query(`LOAD 'auto_explain'`)
  await database.pool.query(`
    SELECT set_config('auto_explain.log_min_duration', '0', false), set_config('auto_explain.log_analyze', 'on', false),
           set_config('auto_explain.log_buffers', 'on', false), set_config('client_min_messages', 'log', false)`)
  const table = emailTable(database, { owner: 'w', leaseSeconds: 60, messageIdDomain: 'x', holdAmbiguous: [] })
  await table.claim({ limit: 5 })
  await database.close()
  const plan = plans.find((text) => text.includes('generate_series(1, 10)')) ?? ''
  const candidates = /CTE due[\s\S]*?Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(plan)
  return { buffers: Number(candidates?.[1] ?? Number.NaN) + Number(candidates?.[2] ?? 0), plan }
}

const majors = await Promise.all(
  ([13, 18] as const).map(async (major) => ({ major, installed: await hasMajor(major) })),
)

describe('finding what is due', () => {
  for (const { major, installed } of majors) {
    it.skipIf(!installed)(`costs the same whatever lies ahead and behind, on PostgreSQL ${major}`, async () => {
      const database = await databaseOn(major)
      const insert = (count: number, columns: string, values: string) =>
        database.pool.query(
          `INSERT INTO email_queue (recipient_to, subject, body, ${columns}) SELECT 'a@x.example', 's', 'b', ${values} FROM generate_series(1, ${count}) n`,
        )
      await insert(500, 'priority', '5')
      await sql`ANALYZE email_queue`.execute(database.db)
      const alone = await buffersOfClaim(database.url)
      await insert(history, 'status, priority', `'sent', 5`)
      await insert(scheduledAhead, 'scheduled_at, priority', `fleet.utc_now() + interval '30 days', 1`)
      await sql`ANALYZE email_queue`.execute(database.db)
      const amongMany = await buffersOfClaim(database.url)
      await database.drop()
      expect(alone.plan).toContain('ix_email_queue_claim')
      expect(amongMany.plan).not.toContain('Seq Scan on email_queue')
      expect(amongMany.buffers).toBeLessThanOrEqual(alone.buffers + 15)
      expect(amongMany.buffers).toBeLessThanOrEqual(60)
    })
  }
})
