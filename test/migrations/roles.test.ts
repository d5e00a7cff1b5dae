import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { pendingMigrations } from '../../src/db/migration-state.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { createFleet } from '../cli/fleet.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { asCompany, insertTwoCompanies } from './policies.ts'

const roles = ['fleet_app', 'fleet_owner', 'fleet_readonly', 'fleet_worker']

/** Roles are the cluster's, so these tests have one of their own, in which each begins without any. */
describe('the roles', () => {
  let cluster: TestCluster
  let admin: pg.Client
  let databases: TestDatabase[] = []

  beforeAll(async () => {
    cluster = await startCluster()
    admin = new pg.Client(cluster.adminUrl)
    await admin.connect()
  })
  afterEach(async () => {
    await Promise.all(databases.map((database) => database.drop()))
    databases = []
    await admin.query(`DROP ROLE IF EXISTS ${roles.join(', ')}, deploy, ann`)
  })
  afterAll(async () => {
    await admin.end()
    await cluster.remove()
  })

  async function createDatabase(): Promise<TestDatabase> {
    const database = await createEmptyTestDatabase(cluster.adminUrl)
    databases.push(database)
    return database
  }

  async function existing(): Promise<string[]> {
    const { rows } = await admin.query<{ rolname: string }>(
      'SELECT rolname FROM pg_roles WHERE rolname = ANY ($1) ORDER BY 1',
      [roles],
    )
    return rows.map(({ rolname }) => rolname)
  }

  test('are made by the first of two databases that migrate at once, and used by both', async () => {
    const [one, two] = [await createDatabase(), await createDatabase()]
    await Promise.all([migrateUp(one.db), migrateUp(two.db)])
    expect(await existing()).toEqual(roles)
    for (const { pool } of [one, two]) {
      const { rows } = await pool.query(`SELECT has_table_privilege('fleet_worker', 'email_queue', 'UPDATE') AS may`)
      expect(rows).toEqual([{ may: true }])
    }
  })

  test('stay while another database gives them rights, and go with the last that made them', async () => {
    const [maker, other] = [await createDatabase(), await createDatabase()]
    await migrateUp(maker.db)
    await migrateUp(other.db)
    const notices = await noticesOf(maker, (db) => migrateTo(db, null))
    expect(await existing()).toEqual(roles)
    expect(notices).toEqual(
      roles.map((role) => expect.stringMatching(`^role ${role} stays: .*some objects depend on it`)),
    )

    await migrateUp(maker.db)
    await migrateTo(other.db, null)
    expect(await existing()).toEqual(roles)
    await migrateTo(maker.db, null)
    expect(await existing()).toEqual([])
  })

  test('stay where somebody is a member, or a DBA made them', async () => {
    await admin.query('CREATE ROLE fleet_readonly NOLOGIN; CREATE ROLE ann LOGIN')
    const database = await createDatabase()
    await migrateUp(database.db)
    await admin.query('GRANT fleet_worker TO ann')
    const notices = await noticesOf(database, (db) => migrateTo(db, null))
    expect(notices).toEqual(['role fleet_worker stays: it has members, or is one'])
    expect(await existing()).toEqual(['fleet_readonly', 'fleet_worker'])
  })

  test('are left out with a notice where the user may not create any, and get their rights when they exist', async () => {
    const database = await createDatabase()
    const name = new URL(database.url).pathname.slice(1)
    await admin.query(`CREATE ROLE deploy LOGIN PASSWORD 'x'; ALTER DATABASE ${name} OWNER TO deploy`)
    const url = new URL(database.url)
    Object.assign(url, { username: 'deploy', password: 'x' })

    const notices = await noticesOf({ url: url.href }, migrateUp)
    expect(notices).toEqual(
      expect.arrayContaining(roles.map((role) => expect.stringMatching(`^role ${role} is not created: `))),
    )
    expect(await pendingMigrations(database.db)).toEqual([])
    expect(await existing()).toEqual([])
    const fleet = await createFleet({ DATABASE_URL: url.href })
    expect(await fleet.json(['migrate', 'rls', 'enable', '--yes'])).toMatchObject({
      code: 1,
      document: { error: { code: 'ROLES_MISSING', hint: expect.stringContaining('CREATE ROLE fleet_app NOLOGIN;') } },
    })
    await fleet.installation.remove()

    await admin.query(roles.map((role) => `CREATE ROLE ${role} NOLOGIN`).join('; '))
    const deploy = new pg.Client(url.href)
    await deploy.connect()
    await deploy.query('SELECT fleet.apply_roles()')
    await deploy.query('SELECT fleet.enable_row_security(false)')
    await deploy.end()
    await insertTwoCompanies(database.pool)
    const rows = await asCompany(database, '2', (session) => session.rows('SELECT name FROM active_projects'))
    expect(rows).toEqual([{ name: 'Project 2' }])
    const { rows: may } = await database.pool.query(
      `SELECT has_table_privilege('fleet_worker', 'email_queue', 'UPDATE') AS may`,
    )
    expect(may).toEqual([{ may: true }])
  })

  test('a member of fleet_owner migrates from nothing, and what it makes belongs to the role', async () => {
    const database = await createDatabase()
    const name = new URL(database.url).pathname.slice(1)
    await admin.query(`
      CREATE ROLE fleet_owner NOLOGIN;
      CREATE ROLE deploy LOGIN PASSWORD 'x' IN ROLE fleet_owner;
      ALTER ROLE deploy SET role = 'fleet_owner';
      ALTER DATABASE ${name} OWNER TO fleet_owner`)
    const url = new URL(database.url)
    Object.assign(url, { username: 'deploy', password: 'x' })
    await noticesOf({ url: url.href }, migrateUp)
    const { rows } = await database.pool.query(
      `SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'fleet', 'pgboss')`,
    )
    expect(rows).toEqual([{ tableowner: 'fleet_owner' }])
  })

  test.each([
    ['owns the database', 'ALTER DATABASE %s OWNER TO fleet_owner'],
    [
      'may create in the database and in public',
      'GRANT CREATE ON DATABASE %s TO fleet_owner; GRANT CREATE ON SCHEMA public TO fleet_owner',
    ],
  ])(
    'where fleet_owner %s, its member migrates up, finds no difference, and migrates down and up again',
    async (_, setUp) => {
      const database = await createDatabase()
      const name = new URL(database.url).pathname.slice(1)
      await admin.query(`
      ${roles.map((role) => `CREATE ROLE ${role} NOLOGIN`).join('; ')};
      CREATE ROLE deploy LOGIN PASSWORD 'x' IN ROLE fleet_owner;
      ALTER ROLE deploy SET role = 'fleet_owner'`)
      await database.pool.query(setUp.replace('%s', name))
      const url = new URL(database.url)
      Object.assign(url, { username: 'deploy', password: 'x' })
      const fleet = await createFleet({ DATABASE_URL: url.href })
      const check = () => fleet.json(['migrate', 'check'])

      for (let round = 1; round <= 2; round += 1) {
        expect(await fleet.run(['migrate', 'up'])).toMatchObject({ code: 0 })
        expect(await check()).toMatchObject({ code: 0, document: { differences: [] } })
        expect(await fleet.run(['migrate', 'to', 'nothing', '--yes'])).toMatchObject({ code: 0 })
        const { rows } = await database.pool.query(`SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace`)
        expect(rows).toEqual([])
      }
      await fleet.installation.remove()
    },
  )
})

/** What PostgreSQL remarks about the roles meanwhile. */
async function noticesOf(
  { url }: Pick<TestDatabase, 'url'>,
  act: (db: ReturnType<typeof connectDatabase>['db']) => Promise<unknown>,
): Promise<string[]> {
  const notices: string[] = []
  const { db, pool, close } = connectDatabase({ url, applicationName: 'fleet-test' })
  pool.on('connect', (client) => client.on('notice', ({ message = '' }) => notices.push(message)))
  await act(db).finally(close)
  return notices.filter((message) => message.startsWith('role '))
}
