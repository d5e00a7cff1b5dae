import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stamp } from '../../../src/db/installation-store.ts'
import { autovacuumCheck } from '../../../src/ops/doctor/autovacuum-check.ts'
import { bloatCheck } from '../../../src/ops/doctor/bloat-check.ts'
import type { Check, DatabaseContext } from '../../../src/ops/doctor/check.ts'
import { heldCheck } from '../../../src/ops/doctor/held-check.ts'
import { installationCheck } from '../../../src/ops/doctor/installation-check.ts'
import { leasesCheck } from '../../../src/ops/doctor/leases-check.ts'
import { pausesCheck } from '../../../src/ops/doctor/pauses-check.ts'
import { schedulesCheck } from '../../../src/ops/doctor/schedules-check.ts'
import { stagesCheck } from '../../../src/ops/doctor/stages-check.ts'
import { workersCheck } from '../../../src/ops/doctor/workers-check.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { hostWith, told } from './host.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

const examine = (check: Check<DatabaseContext>) => check.examine({ ...hostWith(), db: database.db })
const findingsOf = async (check: Check<DatabaseContext>) => told(await examine(check))
const run = (text: string) => database.pool.query(text)

describe('the check of workers', () => {
  const insert = (name: string, columns = '', values = '') =>
    run(`INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds${columns})
         VALUES ('${name}@a:' || (SELECT count(*) FROM fleet.workers), '${name}', 'a', 1, '1.0.0', '26.0.0', now(), 5, 15${values})`)
  const insertAll = async () => {
    for (const name of ['email', 'notifications', 'lifecycle']) await insert(name)
  }

  it('finds kinds of which none is alive', async () => {
    await insert('email')
    await insert('lifecycle', ', heartbeat_at', ", now() - interval '21 seconds'")
    expect(await findingsOf(workersCheck)).toEqual([
      'error NO_WORKER: no worker is alive for notifications, lifecycle',
      expect.stringMatching(/^warning WORKER_LOST: lifecycle@a:1, last heard of 20.* UTC$/),
    ])
  })

  it('is content with one of each', async () => {
    await insertAll()
    expect(await examine(workersCheck)).toEqual({ findings: [], fine: '3 alive, of every kind and of one version' })
  })

  it('finds those that are alive and do not send, and says why', async () => {
    await insertAll()
    await run(`
      UPDATE fleet.workers SET outage_since = '2026-03-01 12:00Z', outage_reason = '535 who are you' WHERE name = 'email';
      UPDATE fleet.workers SET blocked = 'not its database: fleet adopt-database' WHERE name = 'notifications'`)
    expect(await findingsOf(workersCheck)).toEqual([
      'error WORKER_OUTAGE: email@a:0, since 2026-03-01 12:00 UTC: 535 who are you',
      'error WORKER_BLOCKED: notifications@a:1: not its database: fleet adopt-database',
    ])
  })

  it('finds versions and environments that differ', async () => {
    await insertAll()
    await run(`UPDATE fleet.workers SET version = '1.1.0', environment = 'staging' WHERE name = 'email'`)
    expect(await findingsOf(workersCheck)).toEqual([
      'warning WORKERS_MIXED_VERSIONS: 1.0.0 on Node.js 26.0.0, 1.1.0 on Node.js 26.0.0',
      'error WORKERS_MIXED_ENVIRONMENTS: none, staging',
    ])
  })
})

describe('the check of schedules', () => {
  const schedule = async (name: string, cron: string, since = '10 days') => {
    await run(`SELECT pgboss.create_queue('${name}', '{"policy":"standard"}')`)
    await run(
      `INSERT INTO pgboss.schedule (name, cron, created_on) VALUES ('${name}', '${cron}', now() - interval '${since}')`,
    )
  }
  const ran = (name: string, ago: string, state = 'completed', output = 'null') =>
    run(`INSERT INTO pgboss.job (name, state, created_on, started_on, completed_on, output)
         VALUES ('${name}', '${state}', now() - interval '${ago}', now() - interval '${ago}',
                 CASE '${state}' WHEN 'active' THEN NULL ELSE now() - interval '${ago}' END, '${output}')`)

  it('is not made before a worker has brought any', async () => {
    expect(await examine(schedulesCheck)).toEqual({ findings: [], skipped: 'no worker has brought a schedule yet' })
  })

  it.each([
    { cron: '* * * * *', ago: '4 minutes', overdue: false },
    { cron: '* * * * *', ago: '6 minutes', overdue: true },
    { cron: '*/10 * * * *', ago: '9 minutes', overdue: false },
    { cron: '*/10 * * * *', ago: '21 minutes', overdue: true },
    { cron: '0 0 * * *', ago: '23 hours', overdue: false },
  ])('takes what ran $ago ago at "$cron" for overdue: $overdue', async ({ cron, ago, overdue }) => {
    await schedule('a', cron)
    await ran('a', ago)
    expect((await findingsOf(schedulesCheck)).map((text) => text.split(':')[0])).toEqual(
      overdue ? ['error SCHEDULE_OVERDUE'] : [],
    )
  })

  it('does not take one for overdue that has just been brought, or is under way', async () => {
    await schedule('new', '* * * * *', '1 minute')
    await schedule('long', '* * * * *')
    await ran('long', '50 minutes', 'active')
    expect(await examine(schedulesCheck)).toEqual({ findings: [], fine: 'all 2 run' })
  })

  it('names what has not run for a day, and passes of which cron took care', async () => {
    await schedule('lifecycle.sweep', '*/10 * * * *')
    await schedule('lifecycle.retention', '* * * * *')
    await run(
      `INSERT INTO fleet.sweeps (worker, kind, started_at) VALUES ('cron', 'sweep', now() - interval '5 minutes')`,
    )
    expect(await findingsOf(schedulesCheck)).toEqual([
      'error SCHEDULE_OVERDUE: lifecycle.retention (* * * * *) last ran more than a day ago, if ever',
    ])
  })

  it('finds what failed last, and why', async () => {
    await schedule('a', '0 * * * *')
    await ran('a', '30 minutes')
    await ran('a', '20 minutes', 'failed', '{"message": "disk full"}')
    expect(await findingsOf(schedulesCheck)).toEqual(['warning SCHEDULE_FAILED: a: disk full'])
    await ran('a', '10 minutes')
    expect(await findingsOf(schedulesCheck)).toEqual([])
  })
})

describe('the check of leases', () => {
  it('finds what a dead worker has in hand and nobody takes back', async () => {
    const insert = (leasedUntil: string) =>
      run(`INSERT INTO email_queue (recipient_to, subject, body, status, claim_token, leased_until)
           VALUES ('a@example.org', 's', 'b', 'sending', 1, ${leasedUntil})`)
    await insert("now() - interval '1 minute'")
    expect(await examine(leasesCheck)).toEqual({
      findings: [],
      fine: 'no message is left in the hands of a dead worker',
    })
    await insert("timestamptz '2026-03-01 12:00Z'")
    await insert("timestamptz '2026-03-01 12:05Z'")
    expect(await findingsOf(leasesCheck)).toEqual([
      'error LEASES_EXPIRED: 2 of email_queue, the oldest since 2026-03-01 12:00 UTC',
    ])
  })
})

describe('the check of pauses', () => {
  it('reminds of those that are older than a day and in force', async () => {
    expect((await examine(pausesCheck)).fine).toBe('no queue is paused')
    await run(`INSERT INTO fleet.pauses (queue, since, until, reason, paused_by) VALUES
      ('email', now(), NULL, 'new server', 'ann'),
      ('telegram', now() - interval '2 days', now() - interval '1 day', 'over', 'ann'),
      ('sms', '2026-03-01 12:00Z', NULL, 'too dear', 'ann')`)
    const { findings } = await examine(pausesCheck)
    expect(findings).toMatchObject([
      {
        code: 'PAUSE_OLD',
        what: 'sms, since 2026-03-01 12:00 UTC, by ann: too dear',
        remedy: 'fleet queue resume sms',
      },
    ])
    await run("DELETE FROM fleet.pauses WHERE queue = 'sms'")
    expect((await examine(pausesCheck)).fine).toBe('paused for less than a day: email')
  })
})

describe('the check of what is held', () => {
  it('reminds of what has waited for somebody for more than a day', async () => {
    await run(`
      INSERT INTO email_queue (recipient_to, subject, body, status) VALUES ('a@example.org', 's', 'b', 'held'), ('b@example.org', 's', 'b', 'held');
      INSERT INTO notifications (type, company_id, message, status) VALUES ('telegram', 1, 'm', 'held')`)
    expect((await examine(heldCheck)).findings).toEqual([])
    await run(`
      ALTER TABLE email_queue DISABLE TRIGGER USER; ALTER TABLE notifications DISABLE TRIGGER USER;
      UPDATE email_queue SET updated_at = '2026-03-01 12:00' WHERE recipient_to = 'a@example.org';
      UPDATE notifications SET changed_at = '2026-03-02 12:00Z'`)
    expect(await findingsOf(heldCheck)).toEqual([
      'warning MAIL_HELD: 1, the oldest since 2026-03-01 12:00 UTC',
      'warning NOTIFICATIONS_HELD: 1, the oldest since 2026-03-02 12:00 UTC',
    ])
  })
})

describe('the check of stages', () => {
  it('renders the text of each', async () => {
    expect((await examine(stagesCheck)).fine).toBe('all 4 have a text in every language')
    await run(`
      INSERT INTO fleet.subscription_stages (name, before, template) VALUES ('3d', '3 days', 'no_such_template');
      UPDATE fleet.subscription_stages SET template = 'notification' WHERE name = 'expired'`)
    expect(await findingsOf(stagesCheck)).toEqual([
      expect.stringMatching(/^error STAGE_TEMPLATE_FAULTY: 3d: .*no_such_template/),
      expect.stringMatching(/^error STAGE_TEMPLATE_FAULTY: expired: .*notification/),
    ])
  })

  it('finds that one is missing', async () => {
    await run("DELETE FROM fleet.subscription_stages WHERE name = '24h'")
    expect(await findingsOf(stagesCheck)).toEqual([
      'error STAGES_MISSING: fleet.subscription_stages lacks 24h: put it back',
    ])
  })
})

describe('the checks of dead rows', () => {
  it('find a table that is full of them, and nobody who clears them away', async () => {
    expect((await examine(bloatCheck)).fine).toBe('no table has many dead rows')
    expect((await examine(autovacuumCheck)).fine).toBe('it is on, and gets to every table')
    // Else a vacuum might come between.
    await run('ALTER TABLE fleet.email_handovers SET (autovacuum_enabled = off)')
    await run('INSERT INTO fleet.email_handovers (token) SELECT generate_series(1, 20000)')
    await run('DELETE FROM fleet.email_handovers')
    await expect
      .poll(() => findingsOf(bloatCheck))
      .toEqual([expect.stringMatching(/^warning TABLE_BLOATED: email_handovers: 20,000 dead rows, 0 living ones, /)])
    const { findings } = await examine(autovacuumCheck)
    expect(told({ findings })).toEqual([
      'error AUTOVACUUM_OFF_FOR_TABLE: email_handovers',
      'warning AUTOVACUUM_NEVER: email_handovers: 20000 dead rows',
    ])
    for (const { remedy } of findings.slice(0, 1)) await run(remedy.replace('in psql: ', ''))
    await run('VACUUM fleet.email_handovers')
    await expect
      .poll(async () => [...(await findingsOf(bloatCheck)), ...(await findingsOf(autovacuumCheck))])
      .toEqual([])
  })
})

describe('the check of the installation', () => {
  it('is content with a database that nobody has stamped, and with the one that it is stamped as', async () => {
    await run('TRUNCATE fleet.installation')
    expect(await examine(installationCheck)).toMatchObject({
      findings: [],
      fine: expect.stringMatching(/no stamp yet/),
    })
    await stamp(database.db, { environment: undefined, by: 'test' })
    expect(await examine(installationCheck)).toEqual({ findings: [], fine: 'it is the one that it is stamped as' })
  })

  it('finds another environment, another time and another cluster, each by itself', async () => {
    await stamp(database.db, { environment: 'production', by: 'test', over: true })
    await run('UPDATE fleet.installation SET timeline = timeline + 1')
    expect(await findingsOf(installationCheck)).toEqual([
      'error WRONG_DATABASE: it is stamped as production, and FLEET_ENVIRONMENT here is without a name',
      expect.stringMatching(/^error WRONG_DATABASE: it is on timeline \d+ instead of \d+/),
    ])
    await stamp(database.db, { environment: undefined, by: 'test', over: true })
    await run('UPDATE fleet.installation SET system_identifier = system_identifier - 1')
    expect(await findingsOf(installationCheck)).toEqual([
      'error WRONG_DATABASE: it is on another cluster: a restored dump, or an upgrade',
    ])
  })
})
