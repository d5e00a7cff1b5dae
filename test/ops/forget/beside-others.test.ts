import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connectDatabase } from '../../../src/db/pool.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTestWorker } from '../../support/email-worker.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'
import { insertMail } from '../mails.ts'
import { leftLines, preview, remains, runForget } from './forgetting.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await database.drop()
})

const ann = 'ann@x.org'

it('leaves nothing while workers send, and sends the others theirs', async () => {
  const server = await startSmtpServer()
  cleanups.push(() => server.stop())
  await sql`
    INSERT INTO email_queue (recipient_to, subject, body)
    SELECT CASE n % 3 WHEN 0 THEN 'ann@x.org' WHEN 1 THEN 'ann@x.org, bob@x.org' ELSE 'bob@x.org' END, 's', 'b'
      FROM generate_series(1, 600) n`.execute(database.db)
  const worker = createTestWorker(database, { smtpUrl: server.url, concurrency: 2 })
  cleanups.push(() => worker.stop())
  worker.drain.start()
  worker.drain.wake()
  await expect.poll(() => server.mails.length).toBeGreaterThan(20)
  while ((await countUnsettled()) > 0) await runForget(database.db, ann)
  await runForget(database.db, ann)
  expect(await remains(database, ann)).toEqual([])
  const { rows } = await sql`
    SELECT status, count(*)::int FROM email_queue WHERE recipient_to LIKE '%bob%' GROUP BY status`.execute(database.db)
  expect(rows).toEqual([{ status: 'sent', count: 400 }])
  expect(server.mails.flatMap(({ to }) => to).filter((address) => address.includes('erased'))).toEqual([])
})

async function countUnsettled(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int FROM email_queue WHERE status IN ('pending', 'sending')`.execute(database.db)
  return rows[0]?.count ?? 0
}

it('may be done twice at once, and for two people whose mail is one', async () => {
  await sql`
    INSERT INTO email_queue (recipient_to, subject, body, status)
    SELECT 'ann@x.org, bob@x.org', 's', 'b', 'sent' FROM generate_series(1, 5000) n`.execute(database.db)
  const reports = await Promise.all([ann, ann, 'bob@x.org'].map((address) => runForget(database.db, address)))
  expect(reports.flatMap(leftLines).filter((line) => !line.includes('locked'))).toEqual([])
  for (const address of [ann, 'bob@x.org']) await runForget(database.db, address)
  expect(await remains(database, ann, 'bob@x.org')).toEqual([])
})

it('is refused to who lacks a right, before anything is changed, with the rights by name', async () => {
  await insertMail(database.db, { recipient_to: ann, status: 'sent' })
  const worker = connectDatabase({ url: database.workerUrl, applicationName: 'worker' })
  cleanups.push(() => worker.close())
  for (const act of [runForget, preview]) {
    await expect(act(worker.db, ann)).rejects.toMatchObject({
      name: 'MissingRights',
      role: 'fleet_test_worker',
      lacking: expect.arrayContaining([
        'SELECT on public.audit_log',
        'UPDATE on public.audit_log',
        'UPDATE on fleet.email_attempts',
      ]),
    })
  }
  const { rows } = await sql`SELECT recipient_to FROM email_queue`.execute(database.db)
  expect(rows).toEqual([{ recipient_to: ann }])
})

it('is refused to who does not see every row', async () => {
  const name = `owner_${Math.random().toString(36).slice(2)}`
  await database.pool.query(`
    CREATE ROLE ${name} LOGIN PASSWORD 'p';
    GRANT USAGE ON SCHEMA public, fleet, pgboss TO ${name};
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public, fleet, pgboss TO ${name};
    ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY`)
  const url = new URL(database.url)
  url.username = name
  url.password = 'p'
  const owner = connectDatabase({ url: url.href, applicationName: 'owner' })
  cleanups.push(async () => {
    await owner.close()
    await database.pool.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`)
  })
  await expect(preview(owner.db, ann)).rejects.toMatchObject({
    lacking: ['sight of every row of public.notifications (row-level security)'],
  })
  await database.pool.query('ALTER TABLE public.notifications DISABLE ROW LEVEL SECURITY')
  expect(await preview(owner.db, ann)).toMatchObject({ done: [], unread: [] })
})

it('does as the owner of the tables who is no superuser', async () => {
  const name = `owner_${Math.random().toString(36).slice(2)}`
  await database.pool.query(`CREATE ROLE ${name} LOGIN PASSWORD 'p'; GRANT fleet_owner TO ${name}`)
  await database.pool.query(`
    DO $$ DECLARE r regclass; BEGIN
      FOR r IN SELECT c.oid FROM pg_class c WHERE relkind IN ('r', 'p')
                  AND relnamespace IN ('public'::regnamespace, 'fleet'::regnamespace, 'pgboss'::regnamespace) LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO ${name}', r);
      END LOOP;
    END $$`)
  await database.pool.query('SELECT fleet.enable_row_security(false)')
  const url = new URL(database.url)
  url.username = name
  url.password = 'p'
  const owner = connectDatabase({ url: url.href, applicationName: 'owner' })
  cleanups.push(async () => {
    await owner.close()
    await database.pool.query(`REASSIGN OWNED BY ${name} TO CURRENT_USER; DROP OWNED BY ${name}; DROP ROLE ${name}`)
  })
  await insertMail(database.db, { recipient_to: ann, status: 'sent' })
  await runForget(owner.db, ann)
  expect(await remains(database, ann)).toEqual([])
})
