import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { compareCatalogues } from '../../src/db/catalogue/comparison.ts'
import { readCatalogue } from '../../src/db/catalogue/reader.ts'
import { expectedCatalogue } from '../../src/db/catalogue/snapshot.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

const reporter = `test_reporter_${randomBytes(4).toString('hex')}`
const owner = `test_owner_${randomBytes(4).toString('hex')}`
const tables = [
  'ar_content',
  'ar_view_sessions',
  'clients',
  'companies',
  'folders',
  'notifications',
  'orders',
  'portraits',
  'projects',
  'storage_folders',
  'video_rotation_schedules',
  'videos',
]

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url })
  await database.pool.query(`
    CREATE ROLE ${owner} NOLOGIN;
    CREATE ROLE ${reporter} LOGIN;
    GRANT SELECT, UPDATE ON projects TO ${reporter};
    GRANT SELECT (id, name) ON clients TO ${reporter};
    GRANT SELECT ON active_projects TO ${reporter}`)
})
beforeEach(() => database.pool.query('SELECT fleet.disable_row_security()'))
afterAll(async () => {
  await database.pool.query(
    `REASSIGN OWNED BY ${owner} TO CURRENT_USER; DROP OWNED BY ${reporter}, ${owner}; DROP ROLE ${reporter}, ${owner}`,
  )
  await Promise.all([fleet.installation.remove(), database.drop()])
})

const rls = (...args: string[]) => fleet.run(['migrate', 'rls', ...args])
const rlsJson = (...args: string[]) => fleet.json(['migrate', 'rls', ...args])

async function secured(): Promise<string[]> {
  const { rows } = await database.pool.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  )
  return rows.map(({ relname }) => relname)
}

/** What `check` has against it. */
async function faults(): Promise<string[]> {
  const { differences } = compareCatalogues(await expectedCatalogue('fleet'), await readCatalogue(database.db))
  return differences.map(({ object }) => object).filter((object) => object.startsWith('row-level'))
}

const losses = [
  { role: reporter, relation: 'clients', commands: ['SELECT'] },
  { role: reporter, relation: 'projects', commands: ['SELECT', 'UPDATE'] },
]

describe('fleet migrate rls', () => {
  it('enable names who would lose sight, and wants a yes', async () => {
    const dry = await rlsJson('enable', '--dry-run')
    expect(dry).toEqual({
      code: 0,
      document: {
        dryRun: true,
        force: false,
        switchedOn: tables,
        losesSight: losses,
        unguarded: [],
        exemptOwners: [],
      },
    })

    const refused = await rls('enable')
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(new RegExp(`^${reporter} +projects +SELECT, UPDATE$`, 'm'))
    expect(refused.stderr).toContain('1 role would lose sight of rows, and without a terminal nobody can be asked')
    expect(await secured()).toEqual([])

    const done = await rls('enable', '--yes')
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Switched row-level security on: ar_content,'),
    })
    expect(await secured()).toEqual(tables)
    expect((await rls('enable')).stdout).toContain('Nothing to do: row-level security is on already.')
  })

  it('enable asks nobody where nobody would lose sight, and does what --yes would', async () => {
    await database.pool.query(`ALTER ROLE ${reporter} BYPASSRLS`)
    expect(await rlsJson('enable')).toMatchObject({ code: 0, document: { switchedOn: tables, losesSight: [] } })
    await database.pool.query(`ALTER ROLE ${reporter} NOBYPASSRLS`)
    expect(await secured()).toEqual(tables)
  })

  it('enable --force names the owners as well', async () => {
    await database.pool.query(`ALTER TABLE orders OWNER TO ${owner}`)
    expect(await rlsJson('enable', '--dry-run')).toMatchObject({ document: { losesSight: losses } })
    expect(await rlsJson('enable', '--force', '--dry-run')).toMatchObject({
      document: {
        losesSight: [
          { role: owner, relation: 'orders', commands: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
          ...losses,
        ],
      },
    })
    expect((await rls('enable', '--force', '--yes')).code).toBe(0)
    const { rows } = await database.pool.query(`SELECT count(*)::int AS forced FROM pg_class WHERE relforcerowsecurity`)
    expect(rows).toEqual([{ forced: tables.length }])
    expect((await rls('disable')).code).toBe(0)
    const { rows: after } = await database.pool.query(
      `SELECT FROM pg_class WHERE relforcerowsecurity OR relrowsecurity`,
    )
    expect(after).toEqual([])
  })

  it('names who still sees every row: owners in fleet_app, readers of views, and other owners in one line', async () => {
    const login = `test_platform_${randomBytes(4).toString('hex')}`
    await database.pool.query(`
      CREATE ROLE ${login} LOGIN IN ROLE fleet_app;
      ALTER TABLE clients OWNER TO ${login};
      ALTER TABLE videos OWNER TO ${owner};
      CREATE VIEW every_order AS SELECT * FROM orders;
      GRANT SELECT ON every_order TO ${reporter}`)
    const unguarded = [
      { role: login, because: 'owner', relations: ['clients'] },
      { role: reporter, because: 'view', relations: ['every_order'] },
    ]
    const kept = { unguarded: expect.arrayContaining(unguarded), exemptOwners: expect.arrayContaining([owner]) }
    expect(await rlsJson('status')).toMatchObject({ document: kept })
    expect(await rlsJson('enable', '--dry-run')).toMatchObject({ document: kept })
    expect(await rlsJson('enable', '--force', '--dry-run')).toMatchObject({
      document: { unguarded: [unguarded[1]], exemptOwners: [] },
    })
    const { stdout } = await rls('enable', '--dry-run')
    expect(stdout).toMatch(new RegExp(`^${login} +clients +it owns them$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^${reporter} +every_order +a view reads with its owner's rights$`, 'm'))
    expect(stdout).toContain(`Row security does not hold for the owner ${owner} without --force.`)
    await database.pool.query(`
      DROP VIEW every_order; REASSIGN OWNED BY ${login} TO CURRENT_USER; DROP OWNED BY ${login}; DROP ROLE ${login}`)
  })

  it('disable leaves on what was on before', async () => {
    await database.pool.query('ALTER TABLE orders ENABLE ROW LEVEL SECURITY')
    expect(await faults()).toEqual([])
    expect((await rls('enable', '--yes')).code).toBe(0)
    await database.pool.query('ALTER TABLE videos DISABLE ROW LEVEL SECURITY')
    expect(await faults()).toEqual(['row-level security of public.videos'])
    await database.pool.query('ALTER TABLE videos ENABLE ROW LEVEL SECURITY')
    expect(await rlsJson('disable', '--dry-run')).toMatchObject({ document: { dryRun: true, left: ['orders'] } })
    expect(await secured()).toEqual(tables)
    const { code, document } = await rlsJson('disable')
    expect({ code, document }).toEqual({
      code: 0,
      document: { dryRun: false, switchedOff: tables.filter((table) => table !== 'orders'), left: ['orders'] },
    })
    expect(await secured()).toEqual(['orders'])
    await database.pool.query('ALTER TABLE orders DISABLE ROW LEVEL SECURITY')
  })

  it('status says where it is on, by whom, with which policies, and who would lose sight', async () => {
    await database.pool.query(`ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON orders USING (true)`)
    await rls('enable', '--yes')
    await database.pool.query('ALTER TABLE projects DISABLE ROW LEVEL SECURITY')
    const { document } = await rlsJson('status')
    const policies = ['fleet_app', 'fleet_owner', 'fleet_readonly', 'fleet_worker']
    expect(document).toMatchObject({
      missingRoles: [],
      tables: expect.arrayContaining([
        { table: 'clients', enabled: true, forced: false, switchedOnByFleet: true, policies, otherPolicies: [] },
        { table: 'orders', enabled: true, forced: false, switchedOnByFleet: false, policies, otherPolicies: ['mine'] },
      ]),
      wouldLoseSight: [losses[1]],
    })
    const { stdout } = await rls('status')
    expect(stdout).toMatch(/^orders +on +somebody else +fleet_app, .*mine$/m)
    expect(stdout).toMatch(/^projects +off +fleet_app, /m)
    await database.pool.query('DROP POLICY mine ON orders; ALTER TABLE orders DISABLE ROW LEVEL SECURITY')
  })

  it('enable waits for no lock while a table is in use, holds nobody up, and gets there', async () => {
    const reader = await database.pool.connect()
    await reader.query('BEGIN; SELECT FROM projects')
    const enabling = rls('enable', '--yes')
    await expect
      .poll(async () => {
        const { rows } = await database.pool.query(
          `SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'fleet cli' AND state = 'idle' AND query ILIKE 'rollback'`,
        )
        return rows.length
      })
      .toBe(1)
    await database.pool.query('UPDATE clients SET name = name')
    await reader.query('COMMIT')
    reader.release()
    expect((await enabling).code).toBe(0)
    expect(await secured()).toEqual(tables)
  })
})
