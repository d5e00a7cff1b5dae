import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { gatherDigest, mostNotices, readDigest } from '../../src/notifications/digest-store.ts'
import { runFallbacks } from '../../src/notifications/fallback-pass.ts'
import { notificationTable } from '../../src/notifications/store.ts'
import type { Outcome } from '../../src/queue/outcome.ts'
import { plansOf } from '../ops/plans.ts'
import { createScriptedWay } from '../support/notification-drains.ts'
import { setNotifications } from './notifications.ts'

const scene = setNotifications()
const { start, insert, query } = scene
const log = pino({ level: 'silent' })
const scripted = (outcome: Outcome) => createScriptedWay(async () => ({ outcome }))
const refused: Outcome = { kind: 'hard_failure', errorClass: 'bot_blocked', reason: 'blocked' }
const later: Outcome = { kind: 'soft_failure', errorClass: 'server_unavailable', reason: 'later' }
const lost: Outcome = { kind: 'ambiguous', errorClass: 'answer_lost', reason: 'nobody knows' }

/** Notices of one group, whose window is over. */
async function insertGroup(count: number, given: Record<string, unknown> = {}): Promise<void> {
  const event_data = { to: 'a@b.org', chat_id: '1', fallback: ['email'] }
  const row = { type: 'telegram', group_id: 'g', event_data, ...given }
  await insert(...Array.from({ length: count }, (_, n) => ({ ...row, subject: `Портрет ${n + 1}`, message: 'Скоро' })))
  await query(`UPDATE notifications SET enqueued_at = now() - interval '61 s', due_at = now()`)
}

/** How many rows have each status. */
async function counts(): Promise<Record<string, number>> {
  const rows = await query('SELECT status, count(*)::int AS count FROM notifications GROUP BY status')
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

describe('a thousand notices of a group', () => {
  test('go out as one, in order; what is over that as another', async () => {
    const { way, told } = scripted({ kind: 'sent' })
    await insertGroup(mostNotices + 200)
    start({ ways: { telegram: way } })
    await expect.poll(counts).toEqual({ sent: 1_200 })
    expect(told.map(({ digest }) => digest.length)).toEqual([1_000, 200])
    expect(told[0]?.digest.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1))
    expect(await query('SELECT digest_size FROM notifications WHERE digest_size IS NOT NULL ORDER BY id')).toEqual([
      { digest_size: 1_000 },
      { digest_size: 200 },
    ])
  })

  test('become one mail, which lists half of them and counts the rest', async () => {
    await insertGroup(1_000, { type: 'email' })
    start()
    const mails = () =>
      query(`
        SELECT notification_id AS id, jsonb_array_length(variables -> 'items') AS items, variables -> 'more' AS more
          FROM email_queue`)
    await expect.poll(mails).toEqual([{ id: 1, items: 500, more: 500 }])
    expect(await counts()).toEqual({ sending: 1_000 })
    await query(`UPDATE email_queue SET status = 'sent'`)
    expect(await counts()).toEqual({ sent: 1_000 })
  })

  test('leave their mail when they are cancelled before it has gone', async () => {
    await insertGroup(1_000, { type: 'email' })
    start()
    await expect.poll(counts).toEqual({ sending: 1_000 })
    await expect.poll(() => query('SELECT status FROM email_queue')).toEqual([{ status: 'pending' }])
    await query(`UPDATE notifications SET status = 'cancelled' WHERE id BETWEEN 401 AND 700`)
    expect(
      await query(`
        SELECT jsonb_array_length(variables -> 'items') AS items, variables -> 'more' AS more, status FROM email_queue`),
    ).toEqual([{ items: 400, more: 300, status: 'pending' }])
    expect(await counts()).toEqual({ sending: 700, cancelled: 300 })
  })

  test('are tried again as the same', async () => {
    const { way, told } = scripted(later)
    await insertGroup(1_000)
    start({ ways: { telegram: way } })
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(counts).toEqual({ pending: 1_000 })
    await insertGroup(1)
    await query(`UPDATE notifications SET due_at = now() WHERE id = 1`)
    await expect
      .poll(() => told.filter(({ id }) => id === 1).map(({ digest }) => digest.length))
      .toEqual([1_000, 1_000])
  })

  test('are held as one where nobody knows whether they arrived, with one line in the ledger', async () => {
    const { way, told } = scripted(lost)
    await insertGroup(1_000)
    await query(`UPDATE notifications SET when_ambiguous = 'hold'`)
    start({ ways: { telegram: way } })
    await expect.poll(counts).toEqual({ held: 1_000 })
    expect(told).toHaveLength(1)
    expect(await query('SELECT notification_id, outcome FROM fleet.notification_attempts')).toEqual([
      { notification_id: 1, outcome: 'ambiguous' },
    ])
    await query(`UPDATE notifications SET status = 'cancelled' WHERE id = 1`)
    expect(await counts()).toEqual({ cancelled: 1_000 })
  })

  test('fall back as one', async () => {
    const { way } = scripted(refused)
    await insertGroup(1_000)
    start({ ways: { telegram: way } })
    await expect.poll(counts).toEqual({ failed: 1_000 })
    expect(await runFallbacks(scene.database, { defaults: {}, log })).toBe(1)
    const mails = () => query(`SELECT notification_id AS id, variables -> 'more' AS more FROM email_queue`)
    await expect.poll(mails).toEqual([{ id: 1_001, more: 500 }])
    expect(await counts()).toEqual({ failed: 1_000, sending: 1_000 })
    await query(`UPDATE email_queue SET status = 'sent'`)
    expect(await counts()).toEqual({ failed: 1_000, sent: 1_000 })
  })

  test('that have failed in five digests all fall back', async () => {
    const { way } = scripted(refused)
    for (const group_id of ['a', 'b', 'c', 'd', 'e']) await insertGroup(600, { group_id })
    start({ ways: { telegram: way } })
    await expect.poll(counts).toEqual({ failed: 3_000 })
    expect(await runFallbacks(scene.database, { defaults: {}, log })).toBe(5)
    await expect.poll(counts).toEqual({ failed: 3_000, sending: 3_000 })
    expect(await query('SELECT count(*)::int FROM notifications WHERE needs_fallback')).toEqual([{ count: 0 }])
  })

  test('go on as one without those that are cancelled, the one that carries them among them', async () => {
    const { way, told } = scripted(later)
    await insertGroup(1_000)
    start({ ways: { telegram: way } })
    await expect.poll(() => told.length).toBe(1)
    await expect.poll(counts).toEqual({ pending: 1_000 })
    await query(`UPDATE notifications SET status = 'cancelled' WHERE id % 10 = 1`)
    await expect.poll(() => told.length).toBe(2)
    expect(told[1]?.digest.map(({ id }) => id)).toEqual(
      Array.from({ length: 1_000 }, (_, n) => n + 1).filter((id) => id % 10 !== 1),
    )
    await expect.poll(counts).toEqual({ pending: 900, cancelled: 100 })
  })

  test('are found by indexes, however many others there are', async () => {
    await query(`
      INSERT INTO notifications (company_id, type, subject, status, group_id)
      SELECT 1, 'telegram', 's', CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'sent' END, 'other ' || n % 500
        FROM generate_series(1, 50000) n`)
    await query(`UPDATE notifications SET due_at = now() + interval '1 day' WHERE status = 'pending'`)
    await query(`
      INSERT INTO notifications (company_id, type, subject, group_id) SELECT 1, 'telegram', 's', 'g' FROM generate_series(1, 1000)`)
    await query('ANALYZE notifications')
    const table = notificationTable(scene.database, 'telegram', { owner: 'one', leaseSeconds: 60, groupSeconds: 60 })
    const { rows } = await table.claim({ limit: 1 })
    const [row] = rows
    if (row === undefined) throw new Error('nothing to claim')
    const plans = await plansOf(
      scene.database.url,
      async (_, database) => {
        expect(await gatherDigest(database, 'telegram', row)).toBe(1_000)
        expect(await readDigest(database, row)).toHaveLength(999)
      },
      /carrier AS MATERIALIZED|WITH late AS/,
    )
    expect(plans).toHaveLength(2)
    expect(plans.map(({ text }) => text).join('')).not.toContain('Seq Scan')
    expect(plans[0]?.text).toContain('ix_notifications_group')
    expect(plans[1]?.text).toContain('ix_notifications_digest_of')
  })
})

test('what is gathered for longer than the claim holds is given back, and told once', async () => {
  const { way, told } = createScriptedWay(async (_, hold) => ({
    outcome: (await hold.handOver()) ? { kind: 'sent' } : { kind: 'untouched', delayMs: 0 },
  }))
  await insertGroup(1_000)
  await query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE UPDATE ON notifications
      FOR EACH ROW WHEN (NEW.digest_of IS NOT NULL AND OLD.digest_of IS NULL) EXECUTE FUNCTION slow()`)
  const holder = await scene.database.pool.connect()
  onTestFinished(async () => {
    holder.release(true)
    await query('DROP TRIGGER slow ON notifications; DROP FUNCTION slow()')
  })
  await holder.query('SELECT pg_advisory_lock(77)')
  start({ ways: { telegram: way }, leaseSeconds: 1 })
  const over = () =>
    query(`SELECT leased_until < clock_timestamp() AS over FROM notifications WHERE status = 'sending'`)
  await expect.poll(over).toEqual([{ over: true }])
  expect(told).toEqual([])
  await holder.query('SELECT pg_advisory_unlock(77)')
  await expect.poll(counts).toEqual({ sent: 1_000 })
  expect(told.map(({ digest }) => digest.length)).toEqual([1_000])
})
