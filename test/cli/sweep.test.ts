import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(async () => {
  await database.pool.query(`
    TRUNCATE companies, notifications, audit_log, fleet.notices, fleet.lifecycle_acts, fleet.sweeps RESTART IDENTITY CASCADE;
    INSERT INTO companies (name, slug, contact_email, telegram_chat_id, timezone)
    VALUES ('Музей', 'museum', 'museum@example.org', '-100777', 'Asia/Vladivostok'), ('Завод', 'plant', NULL, NULL, NULL)`)
})

/** A project of the first company that ends then; its id is 1, 2, … */
async function insertProject(ends: string, { company = 1, name = 'Ночь' } = {}): Promise<void> {
  await database.pool.query(
    `INSERT INTO projects (company_id, name, slug, subscription_end)
     SELECT $1, $2, 'p' || count(*), date_trunc('second', fleet.utc_now()) + $3::interval FROM projects`,
    [company, name, ends],
  )
}

async function readRows(table: string): Promise<Record<string, unknown>[]> {
  return (await database.pool.query(`SELECT * FROM ${table} ORDER BY 1`)).rows
}

const none = { notices: 0, superseded: 0, skipped: 0, states: 0, recorded: 0 }

describe('fleet sweep', () => {
  it('writes what is due, once, and says how much that was', async () => {
    await insertProject('3 days')
    await insertProject('3 days', { company: 2 })
    const first = await fleet.run(['sweep'])
    expect(first).toEqual({
      code: 0,
      stdout: 'Swept: 1 notice, 1 with nobody to tell, 2 changes of state.\n',
      stderr: '',
    })
    expect(await readRows('notifications')).toMatchObject([
      { type: 'email', company_id: 1, project_id: 1 },
      { type: 'telegram', company_id: 1, project_id: 1 },
    ])
    expect(await fleet.run(['sweep'])).toEqual({ code: 0, stdout: 'Nothing was due.\n', stderr: '' })
    expect(await readRows('notifications')).toHaveLength(2)
    expect(await readRows('fleet.sweeps')).toMatchObject([
      { kind: 'sweep', outcome: 'done', worker: expect.stringMatching(/^sweep@.+:\d+$/) },
      { outcome: 'done' },
    ])
  })

  it('answers programs', async () => {
    await insertProject('3 days')
    expect(await fleet.json(['sweep'])).toEqual({
      code: 0,
      document: {
        ...{ outcome: 'done', baseline: false, sweepId: '1', left: 0, failed: 0 },
        counts: { ...none, notices: 1, states: 1 },
      },
    })
  })

  it('leaves what somebody else has locked to the next one', async () => {
    await insertProject('3 days')
    const client = new pg.Client(database.url)
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('BEGIN; SELECT FROM projects FOR UPDATE')
    expect((await fleet.run(['sweep'])).stdout).toBe(
      'Nothing was due.\n1 subscription was locked by others; the next sweep looks at it again.\n',
    )
    await client.query('COMMIT')
    expect(await fleet.json(['sweep'])).toMatchObject({ document: { counts: { notices: 1 }, left: 0 } })
  })

  it('ends after the batch in hand when it is told to stop, and says so', async () => {
    for (const ends of ['3 days', '4 days']) await insertProject(ends)
    // It waits for the audit log, with two batches in hand; companies come last.
    const client = new pg.Client(database.url)
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('BEGIN; LOCK TABLE audit_log IN SHARE MODE')
    await database.pool.query(`
      INSERT INTO portraits (company_id, file_path, subscription_end) VALUES (1, '/p.jpg', fleet.utc_now() + interval '3 days');
      UPDATE companies SET subscription_expires_at = fleet.utc_now() + interval '3 days' WHERE id = 1`)
    const child = spawn(fleet.path, ['sweep', '--json'], {
      env: fleet.environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const closed = once(child, 'close')
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fleet cli' AND wait_event_type = 'Lock'`,
      )
      expect(rows).toHaveLength(2)
    }, 25_000)
    child.kill('SIGTERM')
    const [said] = await once(child.stderr, 'data')
    expect(String(said)).toBe('Stopping after what is in hand.\n')
    await client.query('COMMIT')
    const stdout = await text(child.stdout)
    expect(await closed).toEqual([143, null])
    expect(JSON.parse(stdout)).toEqual({
      ...{ outcome: 'interrupted', baseline: false, counts: { ...none, notices: 3, states: 3 } },
    })
    expect(await readRows('fleet.sweeps')).toMatchObject([{ outcome: 'interrupted' }])
    expect(await fleet.json(['sweep'])).toMatchObject({ document: { counts: { notices: 1, states: 0 } } })
  })

  it('changes nothing where that would be too much at once, tells the administrator, and says how to allow it', async () => {
    for (const ends of ['3 days', '4 days']) await insertProject(ends)
    const env = { SWEEP_MAX_CHANGES: '3', ADMIN_EMAIL: 'admin@example.org' }
    const message =
      'the sweep would change 4 at once (2 notices, 2 changes of state), and at most 3 are allowed; nothing was changed'
    const hint = 'look first with "fleet sweep --plan", then allow it once with "fleet sweep --max 4"'
    expect(await fleet.run(['sweep'], { env })).toMatchObject({
      ...{ code: 3, stdout: '' },
      stderr: expect.stringContaining(`error: ${message}\nhint: ${hint}\n`),
    })
    const { code, document } = await fleet.json(['sweep'], { env })
    expect({ code, document }).toEqual({ code: 3, document: { error: { code: 'SWEEP_FLOOD', message, hint } } })
    expect(await readRows('fleet.notices')).toEqual([])
    expect(await readRows('notifications')).toMatchObject([{ notification_type: 'sweep_blocked', company_id: null }])

    const plan = await fleet.run(['sweep', '--plan'], { env })
    expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining('The flood guard stops this: only 3 are') })
    const allowed = await fleet.run(['sweep', '--max', '4'], { env })
    expect(allowed).toMatchObject({ code: 0, stdout: 'Swept: 2 notices, 2 changes of state.\n' })
  })

  it('changes nothing where the clocks differ', async () => {
    await insertProject('3 days')
    const clock = `const now = Date.now; Date.now = () => now() - 90_000`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(clock)}` }
    const { code, document } = await fleet.json(['sweep'], { env })
    expect({ code, document }).toMatchObject({
      ...{
        code: 3,
        document: { error: { code: 'CLOCKS_DIFFER', message: expect.stringMatching(/differ by (8|9)\d s; nothing/) } },
      },
    })
    expect(await readRows('fleet.notices')).toEqual([])
  })

  it('marks with --baseline what is past as known, and sends nothing', async () => {
    await insertProject('-3 days')
    const plan = await fleet.json(['sweep', '--baseline', '--plan'])
    expect(plan).toMatchObject({
      code: 0,
      document: { baseline: true, counts: { notices: 0, superseded: 3, states: 2 } },
    })
    expect(await fleet.run(['sweep', '--baseline'])).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: 'Marked what is past as known, and sent nothing: 3 superseded, 2 changes of state.\n',
    })
    expect(await readRows('notifications')).toEqual([])
    expect(await fleet.run(['sweep'])).toMatchObject({ stdout: 'Nothing was due.\n' })
    expect(await readRows('fleet.sweeps')).toMatchObject([{ kind: 'baseline' }, { kind: 'sweep' }])
  })
})

describe('fleet sweep --plan', () => {
  it('says who would get what and when, and changes nothing', async () => {
    await insertProject('3 days')
    await insertProject('12 hours', { company: 2, name: 'Каталог' })
    await insertProject('-20 days', { name: 'Старый' })
    const { code, stdout, stderr } = await fleet.run(['sweep', '--plan'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const line of [
      /^A sweep would, at 20\S+ \S+ UTC \(now\):$/m,
      /^(at once|20\S+ \S+ \(.*Asia\/Vladivostok\)) +Музей +project 1 \(Ночь\) +7d +email museum@example\.org, telegram -100777 {2}\S/m,
      /Музей +project 3 \(Старый\) +expired +email/,
      /^ +3 {2}a more urgent notice overtakes it .*project 3 \(Старый\) 7d by expired/m,
      /^ +1 {2}there is nobody to tell: no address, no chat +project 2 \(Каталог\) 24h$/m,
      /^ +1 {2}there is no administrator to tell .*project 3 \(Старый\) suspended$/m,
      /^ +1 {2}projects\.lifecycle_status: active → suspended +project 3 \(Старый\)$/m,
      /^ +1 {2}projects\.status: active → expired, and their AR content inactive +project 3/m,
      /^Altogether \d+ changes: 2 notices, .* 1,000 are allowed at once\.$/m,
    ]) {
      expect(stdout).toMatch(line)
    }
    for (const table of ['notifications', 'fleet.notices', 'fleet.sweeps', 'audit_log']) {
      expect(await readRows(table)).toEqual([])
    }
  })

  it('has all of it for programs', async () => {
    await insertProject('3 days')
    const { code, document } = await fleet.json(['sweep', '--plan'])
    expect({ code, document }).toEqual({
      code: 0,
      document: {
        at: expect.stringMatching(/Z$/),
        ...{ baseline: false, blocked: false, changes: 2, limit: 1000, counts: { ...none, notices: 1, states: 1 } },
        steps: [
          {
            ...{ entityType: 'projects', entityId: 1, entityName: 'Ночь', companyId: 1, companyName: 'Музей' },
            endsAt: expect.stringMatching(/Z$/),
            ...{ lifecycleStatus: { from: 'active', to: 'expiring' }, expiresProject: false },
            notices: [
              {
                ...{ stage: '7d', outcome: 'sent', reason: null, supersededBy: null },
                messages: ['email', 'telegram'].map((channel) => ({
                  channel,
                  recipient: channel === 'email' ? 'museum@example.org' : '-100777',
                  subject: expect.stringMatching(/./),
                  timezone: 'Asia/Vladivostok',
                  groupId: expect.stringMatching(/^7d:1:20\d\d-\d\d-\d\d$/),
                  scheduledAt: expect.toSatisfy((at) => at === null || at.endsWith('Z')),
                  notAfter: expect.stringMatching(/Z$/),
                })),
              },
            ],
          },
        ],
      },
    })
  })

  it('is for another time where one is given', async () => {
    await insertProject('30 days')
    const nothing = await fleet.run(['sweep', '--plan'])
    expect(nothing).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Nothing is due at .* UTC \(now\)\.\n$/) })
    const later = await fleet.run(['sweep', '--plan', '--at', '25d'])
    expect(later.stdout).toMatch(/^A sweep would, at .* UTC \(in 2\d d\):\n[\s\S]*project 1 \(Ночь\) +7d/)
    const { document } = await fleet.json(['sweep', '--plan', '--at', '2099-12-31T12:00+03:00'])
    expect(document).toMatchObject({ at: '2099-12-31T09:00:00.000Z', counts: { notices: 0, superseded: 4 } })
  })

  it.each([
    [['--at', '2099-12-31'], /--at is for --plan/],
    [['--plan', '--max', '5'], /--max is for a sweep/],
    [['--max', '0'], /--max.*whole number from 1/],
    [['--plan', '--at', 'soon'], /--at.*expected a time such as/],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stdout, stderr } = await fleet.run(['sweep', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})
