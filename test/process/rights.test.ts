import { sql } from 'kysely'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { insertMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()

describe('a worker whose database user may not do what it needs', () => {
  /** A login user without any rights of its own, and the URL with it. */
  async function createUser(): Promise<{ name: string; url: string }> {
    const name = `test_user_${Date.now().toString(36)}`
    await scene.database.pool.query(`CREATE ROLE ${name} LOGIN PASSWORD 'x'`)
    onTestFinished(async () => {
      await scene.database.pool.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`)
    })
    const url = new URL(scene.database.url)
    Object.assign(url, { username: name, password: 'x' })
    return { name, url: url.href }
  }

  async function run(url: string) {
    const worker = scene.startWorker('smtp://127.0.0.1:1', { env: { DATABASE_URL: url } })
    const exit = await worker.exit
    return { exit, stderr: await worker.stderr, isReady: worker.isReady }
  }

  afterEach(() => scene.database.pool.query('SELECT fleet.disable_row_security()'))

  it('ends with 78, and says what it lacks and what to run', async () => {
    const { name, url } = await createUser()
    const { exit, stderr, isReady } = await run(url)
    expect({ exit, isReady }).toEqual({ exit: { code: 78, signal: null }, isReady: false })
    expect(stderr).toMatch(new RegExp(`DATABASE_URL: given the user ${name}, which lacks .* on .* and [0-9]+ more;`))
    expect(stderr).toContain(`GRANT fleet_worker TO ${name}`)
    await scene.database.pool.query(`GRANT fleet_worker TO ${name}`)
    const worker = scene.startWorker('smtp://127.0.0.1:1', { env: { DATABASE_URL: url } })
    await worker.ready()
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
  })

  it('names a single right that somebody has taken away', async () => {
    const { name, url } = await createUser()
    await scene.database.pool.query(`GRANT fleet_worker TO ${name}; REVOKE UPDATE ON email_queue FROM fleet_worker`)
    onTestFinished(async () => void (await scene.database.pool.query('SELECT fleet.grant_roles()')))
    expect((await run(url)).stderr).toMatch(/which lacks UPDATE on public\.email_queue;$/m)
  })

  it('ends with 78 where row-level security would hide rows from it', async () => {
    const { name, url } = await createUser()
    await scene.database.pool.query(`
      GRANT fleet_worker TO ${name};
      ALTER TABLE email_queue ENABLE ROW LEVEL SECURITY;
      CREATE POLICY mine ON email_queue TO ${name} USING (id < 1000)`)
    onTestFinished(async () => {
      await scene.database.pool.query(
        'DROP POLICY mine ON email_queue; ALTER TABLE email_queue DISABLE ROW LEVEL SECURITY',
      )
    })
    const { exit, stderr } = await run(url)
    expect(exit).toEqual({ code: 78, signal: null })
    expect(stderr).toMatch(/does not see every row of email_queue \(row-level security\)/)
  })

  it('ends with 78 for a session of the platform, which sees one company at a time', async () => {
    const { name, url } = await createUser()
    await scene.database.pool.query(`
      GRANT fleet_app TO ${name};
      GRANT USAGE ON SCHEMA pgboss TO ${name};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA fleet TO ${name};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA fleet TO ${name};
      GRANT ALL ON ALL TABLES IN SCHEMA public, fleet, pgboss TO ${name}`)
    await scene.database.pool.query('SELECT fleet.enable_row_security(false)')
    const { exit, stderr } = await run(url)
    expect(exit).toEqual({ code: 78, signal: null })
    expect(stderr).toMatch(/which does not see every row of ar_content, clients, companies, notifications and \d+ more/)
  })
})

describe('a worker as a member of fleet_worker', () => {
  it('works with row-level security switched on, and has nothing to complain of', async () => {
    await scene.database.pool.query('SELECT fleet.enable_row_security(true)')
    onTestFinished(async () => void (await scene.database.pool.query('SELECT fleet.disable_row_security()')))
    const server = await scene.startServer()
    const worker = scene.startWorker(server.url)
    await worker.ready()
    await insertMails(scene.database.db, 3)
    await waitUntilSent(scene.database.db, 3)
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(worker.logs.filter(({ level }) => level !== 'info')).toEqual([])
  })

  it('may do all that pg-boss does: queues, schedules, jobs, supervision and retention', async () => {
    const boss = new PgBoss({
      connectionString: scene.database.workerUrl,
      migrate: false,
      createSchema: false,
      schedule: false,
    })
    const errors: Error[] = []
    boss.on('error', (error) => errors.push(error))
    await boss.start()
    await boss.createQueue('rights', { policy: 'short', deleteAfterSeconds: 1 })
    await boss.updateQueue('rights', { retryLimit: 1 })
    await boss.schedule('rights', '* * * * *', null, { tz: 'UTC' })
    await boss.send('rights', {})
    const [job] = await boss.fetch('rights')
    await boss.complete('rights', job?.id ?? '')
    await boss.supervise()
    await boss.deleteAllJobs('rights')
    await boss.unschedule('rights')
    await boss.deleteQueue('rights')
    await boss.stop({ graceful: false })
    expect(errors).toEqual([])
  })

  it('may not change the schema, nor read passwords and keys', async () => {
    const client = new pg.Client(scene.database.workerUrl)
    await client.connect()
    onTestFinished(() => client.end())
    for (const statement of [
      'CREATE TABLE mine (id integer)',
      'CREATE TABLE fleet.mine (id integer)',
      'ALTER TABLE email_queue ADD COLUMN mine integer',
      'DROP TABLE notifications',
      'TRUNCATE email_queue',
      'SELECT hashed_password FROM users',
      'SELECT credentials FROM storage_connections',
      'DELETE FROM companies',
      'SELECT fleet.apply_roles()',
      'SET ROLE fleet_owner',
    ]) {
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    const { rows } = await sql`SELECT count(*)::int AS count FROM companies`.execute(scene.database.db)
    expect(rows).toEqual([{ count: 1 }])
  })
})
