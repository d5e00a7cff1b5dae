import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { carryOnReplay, carryOnReplays } from '../../../src/ops/replays/carry-on.ts'
import { createReplay } from '../../../src/ops/replays/create-replay.ts'
import type { ReplayRequest } from '../../../src/ops/replays/replay.ts'
import { readReplayResults } from '../../../src/ops/replays/replay-results.ts'
import { findReplay } from '../../../src/ops/replays/replay-store.ts'
import { requestStop } from '../../../src/ops/replays/stop-replay.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertAttempt, insertMail, statusOf } from '../mails.ts'
import { replayAll, toRequest } from './replaying.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE email_queue, fleet.email_attempts, fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY`),
)

const { signal } = new AbortController()
const make = async (request: Partial<ReplayRequest> = {}) =>
  (await createReplay(database.db, toRequest(request))).id ?? 0
const goOn = (id: number) => carryOnReplay(database.db, id, { signal })
const insertFailed = (count: number) =>
  database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status, attempts, recipients)
    SELECT format('a@example%s.org', n % 7), 's', 'b', 'failed', 3, '{"a": {"state": "refused"}}' FROM generate_series(1, ${count}) n`)
const rowsOf = async () => (await database.db.selectFrom('email_queue').selectAll().orderBy('id').execute()) ?? []

describe('a replay', () => {
  it('is gone on with by several at once, each mail once', async () => {
    await insertFailed(6_000)
    await sql`CREATE TABLE changes (id integer)`.execute(database.db)
    await sql`
      CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO changes VALUES (NEW.id); RETURN NULL; END $$`.execute(
      database.db,
    )
    await sql`CREATE TRIGGER note AFTER UPDATE ON email_queue FOR EACH ROW EXECUTE FUNCTION note_change()`.execute(
      database.db,
    )
    const id = await make()
    await Promise.all([goOn(id), goOn(id)])
    const { rows } = await database.pool.query(
      'SELECT count(*)::int AS all, count(DISTINCT id)::int AS mails FROM changes',
    )
    expect(rows).toEqual([{ all: 6_000, mails: 6_000 }])
    await sql`DROP TRIGGER note ON email_queue`.execute(database.db)
  })

  it('spreads its mail by the rate', async () => {
    await insertFailed(5)
    await replayAll(database.db, { perSecond: 2 })
    const dues = (await rowsOf()).map(({ due_at }) => due_at?.getTime() ?? 0)
    expect(dues.map((due) => due - (dues[0] ?? 0))).toEqual([0, 500, 1_000, 1_500, 2_000])
  })

  it('gives what it is told to give', async () => {
    await insertFailed(1)
    const notAfter = new Date(Date.now() + 3_600_000)
    await replayAll(database.db, { priority: 8, notAfter, keepsAttempts: true })
    expect(await rowsOf()).toMatchObject([
      { status: 'pending', priority: 8, prio: 8, not_after: notAfter, attempts: 3 },
    ])
  })

  it('has a mail for itself while it goes on', async () => {
    await insertFailed(3)
    const id = await make({ canary: 1 })
    expect(await createReplay(database.db, toRequest())).toMatchObject({ id: undefined, others: [id] })
  })

  async function refuse(condition: string, error: string): Promise<void> {
    await database.pool.query(`
      CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION ${error}; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON email_queue FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`)
    onTestFinished(async () => {
      await database.pool.query('DROP TRIGGER IF EXISTS refuse ON email_queue')
    })
  }

  it('leaves alone what the database refuses, and puts all others back', async () => {
    await insertFailed(3_000)
    await refuse('NEW.id IN (1, 1400, 3000)', `'not this one'`)
    const id = await make({ perSecond: 1_000 })
    expect(await goOn(id)).toMatchObject({ state: 'done' })
    expect(await readReplayResults(database.db, { id })).toMatchObject({
      replayed: 2_997,
      skipped: [{ reason: 'refused', count: 3, ids: [1, 1400, 3000] }],
    })
    const { rows } = await database.pool.query(
      `SELECT status, count(*)::int AS count, count(DISTINCT due_at)::int AS dues FROM email_queue GROUP BY status ORDER BY status`,
    )
    expect(rows).toMatchObject([
      { status: 'failed', count: 3 },
      { status: 'pending', count: 2_997, dues: 2_997 },
    ])
  })

  it('that cannot go on keeps no other from it', async () => {
    await insertFailed(4)
    await refuse('NEW.id = 1', `'the disk is full' USING ERRCODE = 'disk_full'`)
    const stuck = await make({ filter: { ids: [1, 2] } })
    const other = await make({ filter: { ids: [3, 4] } })
    await expect(carryOnReplays(database.db, { signal })).rejects.toMatchObject({
      message: `replay ${stuck} cannot go on`,
      cause: { message: 'the disk is full' },
    })
    expect(await findReplay(database.db, other)).toMatchObject({ state: 'done' })
    await sql`DROP TRIGGER refuse ON email_queue`.execute(database.db)
    expect(await carryOnReplays(database.db, { signal })).toEqual({ replays: 1 })
    expect((await rowsOf()).map(({ status }) => status)).toEqual(['pending', 'pending', 'pending', 'pending'])
  })

  it('leaves alone what somebody has changed since it was made', async () => {
    await insertFailed(2)
    const id = await make()
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled' WHERE id = 1`)
    await goOn(id)
    expect((await rowsOf()).map(({ status }) => status)).toEqual(['cancelled', 'pending'])
  })

  it('sends what was sent, or may have been, only when told to, and once for one command', async () => {
    const sent = await insertMail(database.db, { status: 'sent' })
    const lost = await insertMail(database.db, { status: 'held', error_class: 'answer_lost' })
    const died = await insertMail(database.db, { status: 'failed' })
    await insertAttempt(database.db, { email_id: died, outcome: 'ambiguous' })
    expect(await replayAll(database.db)).toMatchObject({
      count: 0,
      skipped: [{ reason: 'ambiguous', count: 2, ids: [lost, died] }],
    })
    expect(await replayAll(database.db, { includesSent: true })).toMatchObject({ count: 3 })
    await database.pool.query(`UPDATE email_queue SET status = 'sent', sent_at = fleet.utc_now()`)
    expect(await replayAll(database.db, { includesSent: true })).toMatchObject({
      count: 0,
      skipped: [{ reason: 'sent_again', count: 3, ids: [sent, lost, died] }],
    })
    expect(await replayAll(database.db, { includesSent: true, fingerprint: 'another' })).toMatchObject({ count: 3 })
  })
})

describe('a canary', () => {
  it('lets the rest follow when the first were delivered, of as many domains as there are', async () => {
    await insertFailed(20)
    const id = await make({ canary: 7 })
    const ended = goOn(id)
    await expect.poll(async () => (await rowsOf()).filter(({ status }) => status === 'pending').length).toBe(7)
    const first = (await rowsOf()).filter(({ status }) => status === 'pending').map((row) => row.recipient_to)
    expect(new Set(first).size).toBe(7)
    await database.pool.query(`UPDATE email_queue SET status = 'sent' WHERE status = 'pending'`)
    expect(await ended).toMatchObject({ state: 'done', delivered: 7, undelivered: 0 })
    expect((await rowsOf()).filter(({ status }) => status === 'pending')).toHaveLength(13)
  })

  it.each([
    ['was left lying before it was put back', {}],
    ['is slow', { perSecond: 1 / 600 }],
  ])('that %s has its time from the last of the first on', async (_, request) => {
    await insertFailed(5)
    const id = await make({ canary: 2, ...request })
    await database.pool.query(`UPDATE fleet.replays SET created_at = now() - interval '1 hour'`)
    const looked = Promise.withResolvers<void>()
    let steps = 0
    const ended = carryOnReplay(database.db, id, { signal, onStep: () => ++steps === 2 && looked.resolve() })
    await Promise.race([looked.promise, ended])
    await database.pool.query(`UPDATE email_queue SET status = 'sent' WHERE status = 'pending'`)
    expect(await ended).toMatchObject({ state: 'done', delivered: 2, undelivered: 0 })
  })

  it('that is not decided in its time has failed', async () => {
    await insertFailed(5)
    const id = await make({ canary: 2 })
    const ended = goOn(id)
    await expect.poll(async () => (await rowsOf()).filter(({ status }) => status === 'pending').length).toBe(2)
    await expect
      .poll(async () => {
        const began = await database.pool.query(
          `UPDATE fleet.replays SET next_due_at = now() - interval '10 minutes' WHERE next_due_at IS NOT NULL`,
        )
        return began.rowCount
      })
      .toBe(1)
    expect(await ended).toMatchObject({ state: 'canary_failed', delivered: 0, undelivered: 2 })
  })

  it('leaves the rest as it was when they were not', async () => {
    await insertFailed(20)
    const id = await make({ canary: 5 })
    const ended = goOn(id)
    await expect.poll(async () => (await rowsOf()).filter(({ status }) => status === 'pending').length).toBe(5)
    await database.pool.query(`UPDATE email_queue SET status = 'failed' WHERE status = 'pending'`)
    expect(await ended).toMatchObject({ state: 'canary_failed', delivered: 0, undelivered: 5 })
    expect((await rowsOf()).every(({ status }) => status === 'failed')).toBe(true)
  })
})

describe('a stop', () => {
  it('makes what waits what it was', async () => {
    await insertFailed(3)
    await insertMail(database.db, { status: 'sent', sent_at: new Date('2026-01-01T00:00:00Z'), priority: 2 })
    const before = await rowsOf()
    const id = await make({ includesSent: true, priority: 9, notAfter: new Date(Date.now() + 3_600_000) })
    await goOn(id)
    await requestStop(database.db, { id, actor: 'ann@console' })
    expect(await goOn(id)).toMatchObject({ state: 'stopped', stoppedBy: 'ann@console' })
    const stamps = { updated_at: expect.any(Date), due_at: expect.any(Date) }
    expect(await rowsOf()).toEqual(before.map((row) => ({ ...row, ...stamps })))
    expect(await requestStop(database.db, { id, actor: 'bob@console' })).toBe(false)
  })

  it('puts nothing more back, and leaves what has gone, and what another replay has put back since', async () => {
    await insertFailed(3)
    const id = await make()
    await goOn(id)
    await database.pool.query(
      `UPDATE email_queue SET status = CASE id WHEN 1 THEN 'sent' ELSE 'failed' END WHERE id < 3`,
    )
    await replayAll(database.db, { filter: { ids: [2] } })
    await requestStop(database.db, { id, actor: 'ann@console' })
    await goOn(id)
    expect((await rowsOf()).map(({ status }) => status)).toEqual(['sent', 'pending', 'failed'])
  })

  it('waits for what a worker has in hand, and takes it back when it comes back', async () => {
    await insertFailed(1)
    const id = await make()
    await goOn(id)
    await database.pool.query(`UPDATE email_queue SET status = 'sending', leased_until = now() + interval '1 minute'`)
    await requestStop(database.db, { id, actor: 'ann@console' })
    const ended = goOn(id)
    expect(await findReplay(database.db, id)).toMatchObject({ state: 'stopping' })
    await database.pool.query(
      `UPDATE email_queue SET status = 'pending', leased_until = NULL, claimed_by = 'w', attempts = 1`,
    )
    expect(await ended).toMatchObject({ state: 'stopped' })
    expect(await statusOf(database.db, 1)).toBe('failed')
  })
})
