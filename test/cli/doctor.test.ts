import { hash } from 'bcryptjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import { defaultHash } from '../../src/ops/users/default-administrator.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { copyTestDatabase, createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

// The cluster of the other tests is not durable, which the doctor would find each time.
let cluster: TestCluster
let template: string
let fleet: Fleet
beforeAll(async () => {
  cluster = await startCluster({ settings: { fsync: 'on', max_connections: 50 } })
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
  await database.pool.query('UPDATE users SET hashed_password = $1', [await hash('correct horse', 4)])
  await database.pool.query(livingWorkers)
  template = new URL(database.url).pathname.slice(1)
  await database.close()
  fleet = await createFleet({ SMTP_URL: 'mailbox:', ADMIN_EMAIL: 'ops@example.org', PM2_HOME: '/nonexistent' })
  return async () => {
    await fleet.installation.remove()
    await cluster.remove()
  }
})

/** Alive for as long as the tests run. */
const livingWorkers = `
  INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, heartbeat_at, connections, shutdown_seconds)
  SELECT name || '@a:1', name, 'a', 1, '1.0.0', '26.0.0', now(), now() + interval '1 day', 5, 15
    FROM unnest('{email,notifications,lifecycle}'::text[]) AS name`

let database: TestDatabase
beforeEach(async () => {
  database = await copyTestDatabase(cluster.adminUrl, template)
})
afterEach(() => database.drop())

const setHash = (email: string, hashed_password: string) =>
  database.db.updateTable('users').set({ hashed_password }).where('email', '=', email).execute()

async function addUser(email: string, hashed_password: string) {
  await database.db.insertInto('users').values({ email, full_name: 'x', hashed_password }).execute()
}

type Env = Readonly<Record<string, string>>

const run = (env: Env = {}) => fleet.run(['doctor'], { env: { DATABASE_URL: database.url, ...env } })

async function diagnose(env: Env = {}) {
  const { code, document } = await fleet.json(['doctor'], { env: { DATABASE_URL: database.url, ...env } })
  return { code, ...(document as { errors: number; warnings: number; findings: unknown[]; checks: unknown[] }) }
}

describe('fleet doctor', () => {
  it('says of each thing that it is fine, in a line', async () => {
    const { code, stdout, stderr } = await run()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^fine {5}migrations: all \d+ are applied$/m)
    expect(stdout).toContain('fine     drift: the schema is what the migrations make\n')
    expect(stdout).toContain(
      'fine     passwords: no active user logs in with the default password (tried on 1 of 1, administrators first)\n',
    )
    expect(stdout).toMatch(/\n\nNothing is wrong\.\n$/)
  })

  it('finds default passwords, and says how to mend them', async () => {
    await setHash('admin@vertexar.com', defaultHash)
    await addUser("o'neil@example.org", await hash('admin123', 4))
    const { code, stdout } = await run()
    expect(code).toBe(3)
    expect(stdout).toContain(
      'error    passwords: admin@vertexar.com (admin) logs in with the default password, admin123\n' +
        '         It is in the documentation: whoever has read that can do what this user may do.\n' +
        '         To mend it: fleet users set-password admin@vertexar.com\n',
    )
    expect(stdout).toContain("fleet users set-password 'o'\\''neil@example.org'")
    expect(stdout).toContain('nobody else logs in with the default password (tried on 2 of 2, administrators first)')
    expect(stdout).toMatch(/\n\n2 errors, 0 warnings\.\n$/)
  })

  it('has something to say of an empty database, too', async () => {
    const empty = await createEmptyTestDatabase(cluster.adminUrl)
    try {
      const { code, findings, checks } = await diagnose({ DATABASE_URL: empty.url })
      expect({ code, findings }).toMatchObject({ code: 3, findings: [{ code: 'MIGRATIONS_PENDING' }] })
      const skipped = expect.stringMatching(/^not looked at until the migrations are/)
      for (const name of ['drift', 'workers', 'leases', 'stages', 'held']) {
        expect(checks).toContainEqual({ name, fine: null, skipped })
      }
      expect(checks).toContainEqual({ name: 'passwords', fine: null, skipped: 'there is no table of users yet' })
    } finally {
      await empty.drop()
    }
  })

  it('tells of a wrong configuration as of anything else, and looks at what it can', async () => {
    const { code, findings, checks } = await diagnose({ METRICS_PORT: 'high', EMAIL_CONCURENCY: '3', ADMIN_EMAIL: '' })
    expect({ code, findings }).toEqual({
      code: 3,
      findings: [
        expect.objectContaining({
          severity: 'error',
          code: 'CONFIG_FAULT',
          what: 'METRICS_PORT: given "high" (in the environment); expected a whole number from 1 to 65535',
        }),
        expect.objectContaining({
          severity: 'warning',
          code: 'CONFIG_DOUBTFUL',
          what: expect.stringContaining('EMAIL_CONCURRENCY'),
        }),
        expect.objectContaining({ severity: 'warning', code: 'ALERTS_TO_NOBODY' }),
      ],
    })
    expect(checks).toContainEqual({ name: 'migrations', fine: expect.any(String), skipped: null })
  })

  it.each([
    {
      url: 'postgres://nobody:secret@127.0.0.1:1/x',
      what: /^the database 127\.0\.0\.1:1\/x cannot be reached: .*ECONNREFUSED/,
    },
    { url: 'mysql://127.0.0.1/x', what: /DATABASE_URL has a fault/ },
  ])('looks at what needs no database where it cannot be reached: $url', async ({ url, what }) => {
    const { code, stdout } = await run({ DATABASE_URL: url })
    expect(code).toBe(3)
    expect(/^error {4}database: (.*)$/m.exec(stdout)?.[1]).toMatch(what)
    expect(stdout).toMatch(/^fine {5}smtp: mail goes into .*mailbox$/m)
    expect(stdout).toMatch(/^skipped {2}clock, migrations, drift, .*: the database is out of reach$/m)
    expect(stdout).not.toContain('secret')
  })
})
