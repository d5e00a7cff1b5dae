import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { foreignZones, inSession } from './foreign-session.ts'

describe('views', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  beforeEach(() => database.pool.query('TRUNCATE companies CASCADE'))
  afterAll(() => database.drop())

  test('active_projects has the columns of projects and the name of the company', async () => {
    const columns = async (relation: string) => {
      const { rows } = await database.pool.query<{ attname: string }>(
        'SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum',
        [relation],
      )
      return rows.map(({ attname }) => attname)
    }
    expect(await columns('active_projects')).toEqual([...(await columns('projects')), 'company_name'])
  })

  test('active_projects lists the active projects of active companies', async () => {
    await database.pool.query(`
      INSERT INTO companies (id, name, slug, is_active)
      VALUES (11, 'Open', 'open', true), (12, 'Closed', 'closed', false), (13, 'Unknown', 'unknown', NULL);
      INSERT INTO projects (company_id, name, slug, status)
      VALUES (11, 'runs', 'a', 'active'), (11, 'over', 'b', 'expired'), (11, 'unset', 'c', NULL),
             (12, 'of a closed company', 'a', 'active'), (13, 'of an unknown company', 'a', 'active')`)
    const projects = await database.db.selectFrom('active_projects').select(['name', 'company_name']).execute()
    expect(projects).toEqual([{ name: 'runs', company_name: 'Open' }])
  })

  test.each(foreignZones)(
    'expiring_subscriptions sorts ends by urgency to the instant, read from a session in %s',
    async (zone) => {
      const urgencies = await inSession(database.url, zone, async (client) => {
        await client.query('BEGIN')
        await insertProjectsEndingIn(client, {
          past: '-1 second',
          now: '0',
          'a moment on': '1 microsecond',
          'a day': '24 hours',
          'over a day': '24 hours 1 microsecond',
          'a week': '7 days',
          'over a week': '7 days 1 microsecond',
        })
        const { rows } = await client.query(`
        SELECT entity_type, entity_name, company_name, urgency FROM expiring_subscriptions ORDER BY subscription_end`)
        await client.query('ROLLBACK')
        return rows
      })
      const listed = [
        ['past', 'expired'],
        ['now', 'expired'],
        ['a moment on', 'expires_today'],
        ['a day', 'expires_today'],
        ['over a day', 'expires_soon'],
        ['a week', 'expires_soon'],
      ]
      expect(urgencies).toEqual(
        listed.map(([entity_name, urgency]) => ({
          entity_type: 'projects',
          entity_name,
          company_name: 'Acme',
          urgency,
        })),
      )
    },
  )

  test('expiring_subscriptions leaves out what has no end, is not active, or belongs to a company that is not', async () => {
    await database.pool.query(`
      INSERT INTO companies (id, name, slug, is_active) VALUES (11, 'Open', 'open', true), (12, 'Closed', 'closed', false);
      INSERT INTO projects (company_id, name, slug, status, subscription_end)
      VALUES (11, 'endless', 'a', 'active', NULL), (11, 'over', 'b', 'expired', fleet.utc_now()),
             (12, 'of a closed company', 'a', 'active', fleet.utc_now())`)
    expect(await database.db.selectFrom('expiring_subscriptions').selectAll().execute()).toEqual([])
  })

  test('expiring_subscriptions follows the clock of the fleet', async () => {
    const name = await inSession(database.url, 'UTC', async (client) => {
      await client.query('BEGIN')
      await client.query(`
        CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT timestamp '2031-05-01 12:00' $$`)
      await insertProjectsEndingIn(client, { 'next day': '1 day', 'next month': '1 month' })
      const { rows } = await client.query('SELECT entity_name, urgency FROM expiring_subscriptions')
      await client.query('ROLLBACK')
      return rows
    })
    expect(name).toEqual([{ entity_name: 'next day', urgency: 'expires_today' }])
  })
})

async function insertProjectsEndingIn(client: pg.Client, ends: Record<string, string>): Promise<void> {
  await client.query(`INSERT INTO companies (id, name, slug) VALUES (11, 'Acme', 'acme')`)
  await client.query(
    `INSERT INTO projects (company_id, name, slug, subscription_end)
     SELECT 11, name, name, fleet.utc_now() + distance::interval FROM jsonb_each_text($1) AS ends (name, distance)`,
    [JSON.stringify(ends)],
  )
}
