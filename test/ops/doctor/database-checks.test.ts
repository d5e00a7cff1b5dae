import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectDatabase } from '../../../src/db/pool.ts'
import type { Check, DatabaseContext } from '../../../src/ops/doctor/check.ts'
import { clockCheck, judgeClock } from '../../../src/ops/doctor/clock-check.ts'
import { connectionsCheck, judgeBudget } from '../../../src/ops/doctor/connections-check.ts'
import { databaseCheck, judgeVersion } from '../../../src/ops/doctor/database-check.ts'
import { indexesCheck } from '../../../src/ops/doctor/indexes-check.ts'
import { rightsCheck } from '../../../src/ops/doctor/rights-check.ts'
import { sequencesCheck } from '../../../src/ops/doctor/sequences-check.ts'
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

describe('the check of the database', () => {
  it('tells its version, and how far away it is', async () => {
    expect(await examine(databaseCheck)).toEqual({
      findings: [],
      fine: expect.stringMatching(/^PostgreSQL 18\.\d.*, \d+\.\d ms away$/),
    })
  })

  it.each([
    { version: '12.22', today: '2024-01-01', findings: ['error POSTGRESQL_TOO_OLD: it is 12.22'] },
    { version: '14.9', today: '2026-11-12', findings: [] },
    {
      version: '14.9',
      today: '2026-11-13',
      findings: ['warning POSTGRESQL_END_OF_LIFE: 14.9: the last release of 14 was due on 2026-11-12'],
    },
    { version: '18.4', today: '2030-01-01', findings: [] },
    { version: '19.0', today: '2027-01-01', findings: ['warning POSTGRESQL_UNTRIED: it is 19.0'] },
  ])('judges $version on $today', ({ version, today, findings }) => {
    expect(told({ findings: judgeVersion(Number.parseInt(version, 10), { version, today }) })).toEqual(findings)
  })
})

describe('the check of the clock', () => {
  it('compares this host with the database', async () => {
    expect((await examine(clockCheck)).fine).toMatch(/^the database's and this host's agree to \d+ ms$/)
  })

  it.each([
    { aheadMs: 1_900, findings: [] },
    { aheadMs: 2_100, findings: ["warning CLOCK_SKEWED: the database's clock is 2.1 s ahead of this host's"] },
    { aheadMs: -59_000, findings: ["warning CLOCK_SKEWED: the database's clock is 59.0 s behind this host's"] },
    { aheadMs: -61_000, findings: ["error CLOCK_FAR_OFF: the database's clock is 61.0 s behind this host's"] },
  ])('judges $aheadMs ms', ({ aheadMs, findings }) => {
    expect(told(judgeClock(aheadMs))).toEqual(findings)
  })
})

describe('the check of connections', () => {
  const insertWorker = (connections: number, heartbeat: string) =>
    run(`INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, heartbeat_at, connections, shutdown_seconds)
         VALUES ('${connections}', 'email', 'a', 1, '1', '1', now(), ${heartbeat}, ${connections}, 15)`)

  it('adds up what living workers may open and others hold', async () => {
    await insertWorker(7, 'now()')
    await insertWorker(5_000, "now() - interval '1 minute'")
    expect((await examine(connectionsCheck)).fine).toMatch(
      /^workers may open 7, others hold \d+, and there is room for 197$/,
    )
    await insertWorker(400, 'now()')
    expect(await findingsOf(connectionsCheck)).toEqual([
      expect.stringMatching(
        /^error CONNECTIONS_SHORT: workers may open 407, others hold \d+, and there is room for 197$/,
      ),
    ])
  })

  it.each([
    { fleet: 50, others: 30, room: 100, findings: [] },
    { fleet: 50, others: 30, room: 99, findings: ['warning CONNECTIONS_TIGHT'] },
    { fleet: 68, others: 30, room: 97, findings: ['error CONNECTIONS_SHORT'] },
  ])('judges $fleet and $others of $room', ({ fleet, others, room, findings }) => {
    expect(told(judgeBudget({ fleet, others, room })).map((text) => text.split(':')[0])).toEqual(findings)
  })
})

describe('the check of rights', () => {
  it('is content with a worker, and finds what a user lacks', async () => {
    const worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
    const examineWorker = () => rightsCheck.examine({ ...hostWith(), db: worker.db })
    try {
      expect(await examineWorker()).toEqual({ findings: [], fine: 'fleet_test_worker has those of a worker' })
      await run('REVOKE UPDATE ON email_queue FROM fleet_worker')
      const examination = await examineWorker()
      expect(told(examination)).toEqual([
        'error RIGHTS_LACKING: the user fleet_test_worker lacks UPDATE on public.email_queue',
      ])
      expect(examination.findings[0]?.remedy).toBe(
        'in psql, as the owner: GRANT fleet_worker TO fleet_test_worker; then SELECT fleet.apply_roles()',
      )
    } finally {
      await worker.close()
    }
  })

  it('finds that everybody may create things in public', async () => {
    await run('GRANT CREATE ON SCHEMA public TO PUBLIC')
    expect(await findingsOf(rightsCheck)).toEqual([
      'warning PUBLIC_SCHEMA_OPEN: CREATE on schema public is granted to PUBLIC',
    ])
  })
})

describe('the check of sequences', () => {
  it('goes by what the column can hold, whatever the sequence could', async () => {
    expect((await examine(sequencesCheck)).fine).toMatch(/^no more than 0 % of any is used/)
    await run(`
      SELECT setval(pg_get_serial_sequence('email_queue', 'id'), 1600000000);
      ALTER SEQUENCE audit_log_id_seq AS bigint MAXVALUE 9000000000;
      SELECT setval('audit_log_id_seq', 2000000000);
      SELECT setval(pg_get_serial_sequence('fleet.notices', 'id'), 3000000000)`)
    const examination = await examine(sequencesCheck)
    expect(told(examination)).toEqual([
      'error SEQUENCE_NEARLY_OUT: audit_log.id has reached 2,000,000,000, 93 %',
      'warning SEQUENCE_RUNNING_OUT: email_queue.id has reached 1,600,000,000, 74 %',
    ])
    expect(examination.findings[1]?.remedy).toContain('ALTER TABLE email_queue ALTER id TYPE bigint')
  })
})

describe('the check of indexes', () => {
  it('finds one that was left behind half made', async () => {
    expect(await examine(indexesCheck)).toEqual({ findings: [], fine: 'all of them are valid' })
    await run(`
      INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.org', 'twice', 'b'), ('a@example.org', 'twice', 'b')`)
    await expect(run('CREATE UNIQUE INDEX CONCURRENTLY ux_subject ON email_queue (subject)')).rejects.toThrow(/unique/)
    const examination = await examine(indexesCheck)
    expect(told(examination)).toEqual(['error INDEX_INVALID: ux_subject on email_queue'])
    await run('DELETE FROM email_queue')
    const [remedy] = examination.findings.map((finding) => finding.remedy.replace('in psql: ', ''))
    await run(remedy ?? '')
    expect((await examine(indexesCheck)).findings).toEqual([])
  })
})
