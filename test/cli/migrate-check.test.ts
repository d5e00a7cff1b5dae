import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { migrationNames } from '../../src/db/migration-files.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

interface Document {
  readonly differences: readonly { readonly object: string; readonly remedy: readonly string[] }[]
}

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  fleet = await createFleet()
})
afterAll(() => fleet.installation.remove())
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

const check = (url = database.url) => fleet.run(['migrate', 'check'], { env: { DATABASE_URL: url } })
const checkJson = (url = database.url) => fleet.json(['migrate', 'check'], { env: { DATABASE_URL: url } })

it('finds nothing in a database that was just migrated, and counts what it holds', async () => {
  const names = await migrationNames()
  expect(await checkJson()).toEqual({
    code: 0,
    document: {
      clean: true,
      migrations: { applied: names.length, pending: [], unknown: [], edited: [] },
      compared: true,
      differences: [],
      extras: [],
      rows: expect.arrayContaining([{ table: 'public.users', rows: 1, counted: 'exactly' }]),
      foreignKeys: expect.arrayContaining([
        {
          table: 'public.videos',
          name: 'videos_portrait_id_fkey',
          definition: 'FOREIGN KEY (portrait_id) REFERENCES public.portraits(id) ON DELETE CASCADE',
          validated: true,
        },
      ]),
      indexes: { count: expect.any(Number), invalid: [] },
    },
  })
})

it('names each difference with the statement that mends it, and is content once these were executed', async () => {
  await database.pool.query(`
    ALTER TABLE projects ALTER COLUMN status SET DEFAULT 'paused';
    ALTER TABLE email_queue DISABLE TRIGGER email_queue_stamp;
    ALTER TABLE folders DROP CONSTRAINT folders_project_id_fkey;
    DROP INDEX ix_email_queue_claim;
    DROP VIEW expiring_subscriptions;
    CREATE INDEX ix_status ON email_queue (status);
    CREATE TABLE public.alembic_version (version_num varchar(32) PRIMARY KEY)`)

  const { code, stdout } = await check()
  expect(code).toBe(3)
  expect(stdout).toContain(`
column public.projects.status: wanted character varying(50) DEFAULT 'active'; found character varying(50) DEFAULT 'paused'
    ALTER TABLE public.projects ALTER COLUMN status SET DEFAULT 'active';
`)
  expect(stdout).toContain(`
trigger email_queue_stamp on public.email_queue: wanted enabled; found disabled
    ALTER TABLE public.email_queue ENABLE TRIGGER email_queue_stamp;
`)
  expect(stdout).toContain(`
Of others, and no fault
  table public.alembic_version
  index ix_status on public.email_queue: every step of a mail changes what it holds, so that no update of email_queue is a cheap (HOT) one
`)
  expect(stdout).toMatch(/\n\nFound 5 differences\.\n$/)

  const { document } = await checkJson()
  for (const { remedy } of (document as Document).differences) {
    for (const statement of remedy) await database.pool.query(statement)
  }
  expect(await checkJson()).toMatchObject({ code: 0, document: { clean: true, differences: [] } })
})

it('says first what is pending, and does not list what follows from it', async () => {
  const empty = await createEmptyTestDatabase()
  const [first] = await migrationNames()
  const { code, stdout } = await check(empty.url)
  expect(code).toBe(3)
  expect(stdout).toContain(`\nPending, to be applied with "fleet migrate up":\n  ${first}\n`)
  expect(await checkJson(empty.url)).toMatchObject({
    code: 3,
    document: { clean: false, compared: false, differences: [] },
  })
  await empty.drop()
})

it('finds migrations that were edited, and those of a newer release', async () => {
  const [first = ''] = await migrationNames()
  await database.pool.query(`UPDATE fleet.migrations SET checksum = 'another' WHERE name = $1`, [first])
  expect(await checkJson()).toMatchObject({
    code: 3,
    document: { clean: false, compared: true, migrations: { edited: [first] }, differences: [] },
  })

  await database.pool.query(`INSERT INTO fleet.migrations (name, checksum) VALUES ('20990101000000_fly', 'x')`)
  expect(await checkJson()).toMatchObject({
    code: 3,
    document: { clean: false, compared: false, migrations: { unknown: ['20990101000000_fly'] } },
  })
})

it('works for a role that may read the bookkeeping and nothing else', async () => {
  const role = `reader_${randomBytes(6).toString('hex')}`
  await database.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  await database.pool.query(`GRANT SELECT ON fleet.migrations TO ${role}`)
  const url = Object.assign(new URL(database.url), { username: role, password: 'secret' })
  expect(await checkJson(url.href)).toMatchObject({
    code: 0,
    document: {
      clean: true,
      rows: expect.arrayContaining([{ table: 'public.users', rows: expect.any(Number), counted: 'by estimate' }]),
    },
  })
  await database.pool.query(`DROP OWNED BY ${role}`)
  await database.pool.query(`DROP ROLE ${role}`)
})
