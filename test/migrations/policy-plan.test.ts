import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asCompany } from './policies.ts'

const companies = 500
const perCompany = 100

/** At a size where a scan of the whole table would be felt: 50,000 rows, of which a company has 100. */
describe('a plan under the policies', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
    await database.pool.query(`
      INSERT INTO companies (id, name, slug) SELECT n, n, n FROM generate_series(1001, ${1000 + companies}) n;
      INSERT INTO projects (company_id, name, slug)
      SELECT 1000 + 1 + n % ${companies}, n, n FROM generate_series(1, ${companies * perCompany}) n;
      INSERT INTO clients (company_id, name)
      SELECT 1000 + 1 + n % ${companies}, n FROM generate_series(1, ${companies * perCompany}) n;
      INSERT INTO portraits (company_id, file_path)
      SELECT 1000 + 1 + n % ${companies}, '/p' FROM generate_series(1, ${companies * perCompany}) n;
      INSERT INTO videos (portrait_id, file_path) SELECT id, '/v' FROM portraits;
      INSERT INTO notifications (company_id, type)
      SELECT 1000 + 1 + n % ${companies}, 'system' FROM generate_series(1, ${companies * perCompany}) n`)
    await database.pool.query('ANALYZE')
    // It does not wait for long, and autovacuum may be looking at what has just been filled.
    await vi.waitFor(() => database.pool.query('SELECT fleet.enable_row_security(false)'), {
      timeout: 30_000,
      interval: 200,
    })
  })
  afterAll(() => database.drop())

  /** The plan as executed for a company, as text. */
  async function explain(query: string): Promise<string> {
    const rows = await asCompany(database, '1007', (session) =>
      session.rows(`EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ${query}`),
    )
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }

  test.each(['projects', 'clients', 'portraits', 'notifications'])(
    '%s: asks for the company once, and finds its rows by an index on company_id',
    async (table) => {
      const plan = await explain(`SELECT * FROM ${table}`)
      // Any of those that begin with company_id.
      const index = `(ix_${table}_company_id|ux_projects_company_slug|ix_notifications_written)`
      expect(plan).toMatch(new RegExp(`Scan on ${index}|using ${index}`))
      expect(plan).toMatch(/Index Cond: \(company_id = \((InitPlan 1|\$0)/)
      expect(plan).not.toContain('Seq Scan')
      expect(plan).toContain(`rows=${perCompany}`)
    },
  )

  test('companies: by the primary key', async () => {
    expect(await explain('SELECT * FROM companies')).toMatch(/companies_pkey/)
  })

  test('videos of a portrait: by the index on portrait_id, and one look at the portrait', async () => {
    const [portrait] = await asCompany(database, '1007', (session) =>
      session.rows('SELECT min(id) AS id FROM portraits'),
    )
    const plan = await explain(`SELECT * FROM videos WHERE portrait_id = ${portrait?.id}`)
    expect(plan).toContain('ix_videos_portrait_id')
    expect(plan).toMatch(/portraits_pkey|ix_portraits_company_id/)
    expect(plan).not.toContain('Seq Scan')
  })

  test('the view: by the index, too', async () => {
    const plan = await explain('SELECT * FROM active_projects')
    expect(plan).toMatch(/ix_projects_company_id|ux_projects_company_slug/)
    expect(plan).not.toContain('Seq Scan')
  })
})
