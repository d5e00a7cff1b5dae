import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { runFallbacks } from '../../src/notifications/fallback-pass.ts'
import { asCompany } from '../migrations/policies.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Entity, RenewalRows } from './renewal-rows.ts'

let database: TestDatabase
let rows: RenewalRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new RenewalRows(database)
  await rows.stopClock()
})
afterAll(() => database.drop())
beforeEach(() => rows.clear())

/** Projects whose 7-day notice waits, each with its notification. */
async function waiting(count: number, columns = {}): Promise<{ project: Entity; id: number }[]> {
  const all: { project: Entity; id: number }[] = []
  for (let n = 0; n < count; n += 1) {
    const project = await rows.project('2 days', { notified_7d: true })
    all.push({ project, id: await rows.notification(await rows.notice(project, '7d'), { group_id: 'g', ...columns }) })
  }
  return all
}

async function three(columns = {}) {
  const [first, second, third] = await waiting(3, columns)
  if (!first || !second || !third) throw new Error('three were asked for')
  return { first, second, third, ids: [first.id, second.id, third.id] as const }
}

describe('the mail of a notice whose end is moved', () => {
  it.each(['pending', 'sending', 'held'])('is cancelled where it is %s', async (status) => {
    const { first, second } = await three()
    const mails = [await rows.mail(first.id, status), await rows.mail(second.id)]
    await rows.move(first.project, '30 days')
    expect(await rows.mailStatuses(...mails)).toEqual(['cancelled', 'pending'])
    expect(await rows.statuses(first.id, second.id)).toEqual(['cancelled', 'sending'])
  })

  it('that has gone out stays, with its flag', async () => {
    const { first } = await three()
    const mail = await rows.mail(first.id)
    await rows.query(`UPDATE email_queue SET status = 'sent' WHERE id = ${mail}`)
    await rows.move(first.project, '3 days')
    expect([await rows.statuses(first.id), await rows.flags(first.project)]).toEqual([['sent'], [true, false, false]])
  })
})

describe('another channel', () => {
  const passOn = () => runFallbacks(database, { defaults: { email: 'telegram' }, log: pino({ level: 'silent' }) })

  it('that was about to be tried is not', async () => {
    const { first, second } = await three()
    for (const id of [first.id, second.id]) await rows.put(id, `status = 'failed'`)
    await rows.move(first.project, '30 days')
    expect(await rows.query('SELECT id FROM notifications WHERE needs_fallback')).toEqual([{ id: second.id }])
    expect(await passOn()).toBe(1)
    expect(await rows.query('SELECT fallback_of FROM notifications WHERE fallback_of IS NOT NULL')).toEqual([
      { fallback_of: second.id },
    ])
    expect(await rows.ledger()).toContain('7d 2 days withdrawn')
  })

  it('that is being tried is not tried on', async () => {
    const { first } = await three()
    await rows.put(first.id, `status = 'failed'`)
    expect(await passOn()).toBe(1)
    await rows.move(first.project, '30 days')
    expect(await rows.query('SELECT status FROM notifications WHERE type = $1', ['telegram'])).toEqual([
      { status: 'cancelled' },
    ])
  })

  it.each(['by itself', 'in its digest'])(
    'that a pass puts it into at this moment, %s, is not tried either',
    async (how) => {
      const { first, second } = await three()
      if (how === 'in its digest') await rows.digest(second.id, first.id)
      const looked = how === 'in its digest' ? second.id : first.id
      await rows.put(looked, `status = 'failed', leased_until = NULL`)
      const pass = await database.pool.connect()
      await pass.query('BEGIN')
      await pass.query(`SELECT FROM notifications WHERE id = ${looked} FOR UPDATE`)
      const moved = rows.move(first.project, '30 days')
      await expect.poll(waits).toBe(1)
      await pass.query(`
      INSERT INTO notifications (type, company_id, event_data, fallback_of)
      SELECT 'telegram', company_id, event_data, id FROM notifications WHERE id = ${first.id};
      UPDATE notifications SET needs_fallback = false WHERE id = ${looked};
      COMMIT`)
      pass.release()
      await moved
      expect(await rows.statuses(first.id, 4)).toEqual(['failed', 'cancelled'])
      expect(await rows.ledger()).toContain('7d 2 days withdrawn')
    },
  )
})

describe('a digest', () => {
  it('goes on without a member whose end is moved', async () => {
    const { second, ids } = await three({ type: 'telegram' })
    await rows.digest(...ids)
    await rows.move(second.project, '30 days')
    expect(await rows.statuses(...ids)).toEqual(['sending', 'cancelled', 'sending'])
  })

  it('goes on without the row that carries it, one by one', async () => {
    const { first, ids } = await three({ type: 'telegram' })
    await rows.digest(...ids)
    await rows.move(first.project, '30 days')
    expect(await rows.statuses(...ids)).toEqual(['cancelled', 'pending', 'pending'])
  })

  it('that is held stays held without the row that carries it', async () => {
    const { first, ids } = await three({ type: 'telegram' })
    await rows.digest(...ids)
    await rows.put(first.id, `status = 'held', leased_until = NULL`)
    await rows.move(first.project, '30 days')
    expect(await rows.statuses(...ids)).toEqual(['cancelled', 'held', 'held'])
  })

  it.each([0, 1])('that has failed falls back without row %i', async (moved) => {
    const all = await three({ type: 'telegram' })
    await rows.digest(...all.ids)
    await rows.put(all.first.id, `status = 'failed', leased_until = NULL`)
    await rows.move([all.first, all.second][moved]?.project ?? all.third.project, '30 days')
    expect((await rows.statuses(...all.ids))[moved]).toBe('cancelled')
    await runFallbacks(database, { defaults: { telegram: 'email' }, log: pino({ level: 'silent' }) })
    const made = await rows.query('SELECT fallback_of FROM notifications WHERE type = $1 ORDER BY 1', ['email'])
    expect(made).toEqual(all.ids.filter((id) => id !== all.ids[moved]).map((fallback_of) => ({ fallback_of })))
  })

  it.each(['pending', 'sending', 'held'])('whose mail is %s goes on without the member', async (status) => {
    const { first, second } = await three()
    const mail = await rows.mail(first.id)
    await rows.query(`UPDATE email_queue SET variables = '{"items": [{"id": ${first.id}}, {"id": ${second.id}}]}'`)
    await rows.put(second.id, `status = 'sending', digest_of = ${first.id}, leased_until = 'infinity'`)
    await rows.put(first.id, 'digest_size = 2')
    await rows.query(`UPDATE email_queue SET status = '${status}' WHERE id = ${mail}`)
    await rows.move(second.project, '30 days')
    expect(await rows.query('SELECT status, variables FROM email_queue')).toEqual([
      { status, variables: { items: [{ id: first.id }] } },
    ])
    expect(await rows.statuses(second.id)).toEqual(['cancelled'])
  })
})

describe('a statement that moves an end', () => {
  it('waits for who has a row of its digest, and is never refused for it', async () => {
    const { first, third, ids } = await three({ type: 'telegram' })
    await rows.digest(...ids)
    await rows.query(`ALTER FUNCTION fleet.follow_digest() SET lock_timeout = '1ms'`)
    const other = await database.pool.connect()
    await other.query('BEGIN')
    await other.query(`SELECT FROM notifications WHERE id = ${third.id} FOR UPDATE`)
    const moved = rows.move(first.project, '30 days')
    await expect.poll(waits).toBe(1)
    await other.query('COMMIT')
    other.release()
    await moved
    await rows.query(`ALTER FUNCTION fleet.follow_digest() SET lock_timeout = '400ms'`)
    expect(await rows.statuses(...ids)).toEqual(['cancelled', 'pending', 'pending'])
  })

  it('wins over a worker that records what came of the mail in the same moment; that tries again', async () => {
    const { first } = await three()
    const mail = await rows.mail(first.id, 'sending')
    const [mover, recorder] = [await database.pool.connect(), await database.pool.connect()]
    await mover.query('BEGIN')
    await mover.query(`SELECT FROM notifications WHERE id = ${first.id} FOR UPDATE`)
    const recorded = recorder.query(`UPDATE email_queue SET status = 'sent' WHERE id = ${mail}`)
    const refused = expect(recorded).rejects.toMatchObject({ code: '55P03' })
    await expect.poll(waits).toBe(1)
    await mover.query(`UPDATE projects SET subscription_end = NULL WHERE id = ${first.project.id}; COMMIT`)
    await refused
    expect(await rows.mailStatuses(mail)).toEqual(['cancelled'])
    mover.release()
    recorder.release()
  })

  it('takes the rows of two digests in one order, whichever is first: two such statements do not block each other', async () => {
    const [a, b] = await waiting(2, { type: 'telegram' })
    if (!a || !b) throw new Error('two were asked for')
    const ids: number[] = []
    for (const { project } of [a, b]) {
      ids.push(await rows.notification(await rows.notice(project, '24h'), { type: 'telegram' }))
    }
    const [c = 0, d = 0] = ids
    await rows.digest(a.id, b.id)
    await rows.digest(d, c)
    const holder = await database.pool.connect()
    await holder.query('BEGIN')
    await holder.query(`SELECT FROM notifications WHERE id IN (${a.id}, ${d}) FOR UPDATE`)
    const moves = [rows.move(a.project, null), rows.move(b.project, null)]
    await expect.poll(waits).toBe(2)
    await holder.query('COMMIT')
    holder.release()
    await Promise.all(moves)
    expect(await rows.statuses(a.id, b.id, c, d)).toEqual(Array(4).fill('cancelled'))
  })

  it('may be the platform’s, which has no right to what is the fleet’s, and no sight of other companies', async () => {
    await rows.query(
      `SELECT fleet.enable_row_security(false); INSERT INTO companies (name, slug) VALUES ('Bob', 'bob')`,
    )
    const [own] = await waiting(1)
    if (!own) throw new Error('one was asked for')
    const mail = await rows.mail(own.id)
    await rows.act(own.project, 'lifecycle_status', 'active', 'expiring')
    await rows.query(`UPDATE projects SET lifecycle_status = 'expiring'`)
    await asCompany(database, '2', async ({ write }) => {
      expect(await write('UPDATE projects SET subscription_end = NULL')).toBe(0)
    })
    const seen = await asCompany(database, '1', async (session) => {
      await session.write('UPDATE projects SET subscription_end = NULL')
      await session.write(`UPDATE companies SET subscription_expires_at = '2027-01-01'`)
      const mails = await session.rows('SELECT status FROM email_queue WHERE id = $1', [mail])
      return [await session.rows('SELECT notified_7d, lifecycle_status FROM projects'), mails]
    })
    expect(seen).toEqual([[{ notified_7d: false, lifecycle_status: 'active' }], [{ status: 'cancelled' }]])
    await asCompany(database, '1', async ({ write }) => {
      expect(await write('DELETE FROM projects')).toBe(1)
    })
    await rows.query('SELECT fleet.disable_row_security()')
  })
})

test('notices that wait are found by indexes, however many there are', async () => {
  await rows.query(`
    INSERT INTO projects (company_id, name, slug, subscription_end)
    SELECT 1, 'n', n, fleet.utc_now() FROM generate_series(1, 5000) AS n;
    INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, outcome)
    SELECT 'projects', id, 'expired', subscription_end, 'sent' FROM projects;
    INSERT INTO notifications (type, company_id, event_data, status)
    SELECT 'telegram', 1, jsonb_build_object('notice', 'lifecycle:' || id), CASE WHEN id % 2 = 0 THEN 'sent' ELSE 'pending' END
      FROM fleet.notices;
    INSERT INTO email_queue (recipient_to, subject, body, status)
    SELECT 'a@x.example', 's', 'b', 'sent' FROM generate_series(1, 5000);
    ANALYZE`)
  const session = await database.pool.connect()
  const plans: string[] = []
  session.on('notice', ({ message = '' }) => plans.push(message))
  await session.query(`
    LOAD 'auto_explain';
    SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log;
    UPDATE projects SET subscription_end = NULL WHERE id = 7`)
  session.release(true)
  const scans = plans.flatMap((plan) => plan.match(/\S+ Scan.*/g) ?? [])
  expect(scans.join('\n')).toContain('ix_notifications_notice')
  expect(scans.filter((scan) => /Seq Scan on (notifications|email_queue|notices)/.test(scan))).toEqual([])
  expect(await rows.query(`SELECT count(*)::int FROM notifications WHERE status = 'cancelled'`)).toEqual([{ count: 1 }])
})

/** How many sessions wait for a lock. */
async function waits(): Promise<number> {
  const [found] = await rows.query<{ count: number }>(`
    SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
  return found?.count ?? 0
}
