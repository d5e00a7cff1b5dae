import type pg from 'pg'
import type { TestDatabase } from '../support/database.ts'

export interface Amount {
  readonly companies: number
  readonly projects: number
  readonly portraits: number
}

/**
 * Subscriptions for which nothing is due: a fifth have ended and are dealt with, some end within the week and are told of, the others
 * within a year.
 */
export async function fillSubscriptions(database: TestDatabase, amount: Amount): Promise<void> {
  const client = await database.pool.connect()
  try {
    await client.query('SET statement_timeout = 0')
    await fill(client, amount)
  } finally {
    client.release(true)
  }
}

async function fill(client: pg.PoolClient, { companies, projects, portraits }: Amount): Promise<void> {
  await client.query(`
    INSERT INTO companies (name, slug, contact_email, telegram_chat_id, subscription_expires_at)
    SELECT 'Company ' || n, 'c' || n, 'office' || n || '@acme.example', CASE WHEN n % 2 = 0 THEN (7000 + n)::text END,
           fleet.utc_now() + make_interval(days => 10 + n % 300)
      FROM generate_series(1, ${companies}) n`)
  const columns = `company_id, subscription_end, status, lifecycle_status, notified_7d, notified_24h, notified_expired`
  const values = (isProject: boolean) => `
    (SELECT min(id) FROM companies) + 1 + n % ${companies},
    fleet.utc_now() + CASE n % 20 WHEN 0 THEN interval '2 days' WHEN 1 THEN interval '12 hours'
                      ELSE make_interval(days => CASE WHEN n % 5 = 2 THEN -20 ELSE 8 END + (n % 5 = 2)::int * -(n % 700) + (n % 5 <> 2)::int * (n % 350), mins => 30) END,
    CASE WHEN n % 5 = 2 AND ${isProject} THEN 'expired' ELSE 'active' END,
    CASE WHEN n % 5 = 2 THEN 'suspended' WHEN n % 20 < 2 THEN 'expiring' ELSE 'active' END,
    n % 5 = 2 OR n % 20 < 2, n % 5 = 2 OR n % 20 = 1, n % 5 = 2`
  await client.query(`
    INSERT INTO projects (name, slug, ${columns})
    SELECT 'Project ' || n, 's' || n, ${values(true)} FROM generate_series(1, ${projects}) n`)
  await client.query(`
    INSERT INTO portraits (file_path, ${columns})
    SELECT '/portraits/' || n || '.jpg', ${values(false)} FROM generate_series(1, ${portraits}) n`)
  await client.query(`
    INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, company_id, outcome)
    SELECT 'projects', id, stage, subscription_end, company_id, 'sent'
      FROM projects CROSS JOIN unnest(ARRAY['7d', '24h', 'expired']) AS stage WHERE notified_expired
     UNION ALL
    SELECT 'portraits', id, stage, subscription_end, company_id, 'sent'
      FROM portraits CROSS JOIN unnest(ARRAY['7d', '24h', 'expired']) AS stage WHERE notified_expired`)
  for (const table of ['companies', 'projects', 'portraits', 'fleet.notices'])
    await client.query(`VACUUM ANALYZE ${table}`)
}

/** Makes so many subscriptions due, a tenth of them projects: they end in six days, and nobody knows. */
export async function makeDue({ pool }: TestDatabase, count: number): Promise<void> {
  for (const [table, rows] of [
    ['projects', Math.floor(count / 10)],
    ['portraits', count - Math.floor(count / 10)],
  ] as const) {
    await pool.query(`
      UPDATE ${table} SET subscription_end = fleet.utc_now() + interval '6 days'
       WHERE id IN (SELECT id FROM ${table} WHERE subscription_end > fleet.utc_now() + interval '8 days' AND status = 'active'
                     ORDER BY id LIMIT ${rows})`)
  }
}
