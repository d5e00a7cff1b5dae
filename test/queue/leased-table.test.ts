import { beforeAll, describe, expect, it } from 'vitest'
import { type EmailRow, emailTable } from '../../src/email/store.ts'
import type { LeasedTable } from '../../src/queue/leased-table.ts'
import type { TestDatabase } from '../support/database.ts'
import { claimOneFrom, pending, resultOf, setMailTable } from './mail-table.ts'

const scene = setMailTable()
const { workerOf, insert, read, endLeases, ledger } = scene
let database: TestDatabase
let table: LeasedTable<EmailRow>
let other: LeasedTable<EmailRow>
beforeAll(() => {
  database = scene.database
  table = workerOf('one')
  other = workerOf('other')
})

const claimOne = (from = table) => claimOneFrom(from)

describe('claiming', () => {
  it('takes, where it is asked to, only what is more urgent than a priority', async () => {
    for (const priority of [5, 1, 4, 7]) await insert(', priority', `, ${priority}`)
    const { rows } = await table.claim({ limit: 4, before: 5 })
    expect(rows.map(({ id, prio }) => [id, prio])).toEqual([
      [2, 1],
      [3, 4],
    ])
  })

  it('takes the most urgent and longest due rows first, and no more than asked for', async () => {
    for (const priority of [5, 1, 10, 3, 1]) await insert(', priority', `, ${priority}`)
    const { rows } = await table.claim({ limit: 4 })
    expect(rows.map(({ id }) => id)).toEqual([2, 5, 4, 1])
  })

  it('marks what it takes', async () => {
    await insert()
    const row = await claimOne()
    expect(row).toMatchObject({ attempt: 1, max_attempts: 3, recipient_to: 'a@x.example' })
    expect(row.message_id).toMatch(/^<1\.[0-9a-f]+@vertex\.example>$/)
    expect(await read()).toMatchObject({ status: 'sending', attempts: 1, claimed_by: 'one', claim_token: row.token })
  })

  it('keeps the Message-ID over attempts and senders', async () => {
    await insert()
    const first = await claimOne()
    await table.record([resultOf(first, { ...pending, delayMs: 0 })])
    const moved = emailTable(database, {
      owner: 'x',
      leaseSeconds: 60,
      messageIdDomain: 'elsewhere.example',
      holdAmbiguous: [],
    })
    expect((await claimOne(moved)).message_id).toBe(first.message_id)
  })

  it('never gives two workers the same row', async () => {
    for (let n = 0; n < 40; n += 1) await insert()
    const claims = await Promise.all([table, other, table, other].map((worker) => worker.claim({ limit: 16 })))
    const ids = claims.flatMap(({ rows }) => rows.map(({ id }) => id))
    expect(ids.length).toBe(40)
    expect(new Set(ids).size).toBe(40)
  })

  it('leaves rows that are not due, and takes them when they are', async () => {
    await insert(', scheduled_at', `, fleet.utc_now() + interval '1 hour'`)
    expect((await table.claim({ limit: 5 })).rows).toEqual([])
    await database.pool.query(`UPDATE email_queue SET scheduled_at = fleet.utc_now() - interval '1 second'`)
    expect((await table.claim({ limit: 5 })).rows.length).toBe(1)
  })

  it('ends rows past their not_after as expired, without an attempt', async () => {
    await insert(', not_after', `, fleet.utc_now() - interval '1 second'`)
    await insert(', not_after', `, fleet.utc_now() + interval '1 hour'`)
    const { rows, expired } = await table.claim({ limit: 5 })
    expect(expired).toEqual([1])
    expect(rows.map(({ id }) => id)).toEqual([2])
    expect(await read(1)).toMatchObject({ status: 'expired', attempts: 0, leased_until: null })
  })
})

describe('recording', () => {
  it('writes down that a mail was sent', async () => {
    await insert()
    const recipients = { 'a@x.example': { state: 'accepted', reply: '250 ok' } }
    expect(await table.record([resultOf(await claimOne(), { status: 'sent' }, { recipients })])).toEqual({
      fenced: [],
      locked: [],
    })
    const row = await read()
    expect(row).toMatchObject({ status: 'sent', attempts: 1, recipients, last_error: null, leased_until: null })
    expect(Math.abs((row.sent_at?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  it('schedules a retry without moving scheduled_at', async () => {
    await insert()
    await table.record([resultOf(await claimOne(), pending)])
    const row = await read()
    expect(row).toMatchObject({
      status: 'pending',
      attempts: 1,
      last_error: 'full',
      error_class: 'mailbox_full',
      scheduled_at: null,
    })
    expect((row.due_at?.getTime() ?? 0) - Date.now()).toBeGreaterThan(50_000)
  })

  it('gives an attempt back without moving the row in the queue', async () => {
    await insert()
    const before = await read()
    await table.record([resultOf(await claimOne(), { ...pending, delayMs: 0, giveBack: true })])
    expect(await read()).toMatchObject({ status: 'pending', attempts: 0, due_at: before.due_at })
  })

  it('lets a retry that would come after not_after expire then', async () => {
    await insert(', not_after', `, fleet.utc_now() + interval '10 seconds'`)
    await table.record([resultOf(await claimOne(), pending)])
    const row = await read()
    expect(row.due_at).toEqual(row.not_after)
  })

  it('takes text with NUL bytes and of any length', async () => {
    await insert()
    await table.record([resultOf(await claimOne(), { ...pending, reason: `a\0b${'x'.repeat(5_000)}` })])
    expect((await read()).last_error?.slice(0, 3)).toBe('abx')
  })
})

describe('the fence', () => {
  it('lets a cancel win over every outcome but "sent"', async () => {
    await insert()
    const row = await claimOne()
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled'`)
    expect(await table.record([resultOf(row, pending)])).toEqual({ fenced: [1], locked: [] })
    expect(await read()).toMatchObject({ status: 'cancelled', last_error: null })
    expect(await table.record([resultOf(row, { status: 'sent' })])).toEqual({ fenced: [1], locked: [] })
    expect((await read()).status).toBe('sent')
  })

  it('refuses a worker whose row was rescued and claimed again', async () => {
    await insert()
    const late = await claimOne()
    await database.pool.query(`UPDATE email_queue SET leased_until = now() - interval '1 second'`)
    await other.reap()
    const current = await claimOne(other)
    expect(await table.record([resultOf(late, { status: 'failed', errorClass: 'x', reason: 'late' })])).toEqual({
      fenced: [1],
      locked: [],
    })
    expect(await read()).toMatchObject({ status: 'sending', claim_token: current.token })
    expect(await other.record([resultOf(current, { status: 'sent' })])).toEqual({ fenced: [], locked: [] })
  })

  it('keeps, of a late outcome, who has the mail', async () => {
    await insert()
    const row = await claimOne()
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled'`)
    const accepted = { recipients: { 'a@x.example': { state: 'accepted', reply: '250' } } }
    await table.record([{ ...resultOf(row, pending, { recipients: {} }), delivered: accepted }])
    expect((await read()).recipients).toEqual(accepted.recipients)
  })

  it('lets a stale claim of a row write nothing beside the current one, in one batch', async () => {
    await insert()
    const stale = await claimOne()
    await database.pool.query(`UPDATE email_queue SET leased_until = now() - interval '1 second'`)
    await table.reap()
    const current = await claimOne()
    const failed = { status: 'failed', errorClass: 'x', reason: 'stale' } as const
    const recorded = await table.record([resultOf(stale, failed), resultOf(current, pending)])
    expect(recorded).toEqual({ fenced: [1], locked: [] })
    expect(await read()).toMatchObject({ status: 'pending', last_error: 'full' })
  })

  it('does not wait for a row that another program has locked', async () => {
    for (let n = 0; n < 2; n += 1) await insert()
    const { rows } = await table.claim({ limit: 2 })
    const session = await database.pool.connect()
    await session.query('BEGIN')
    await session.query('SELECT FROM email_queue WHERE id = 1 FOR UPDATE')
    const { fenced, locked } = await table.record(rows.map((row) => resultOf(row, { status: 'sent' })))
    await session.query('ROLLBACK')
    session.release()
    expect({ fenced, locked: locked.map(({ id }) => id) }).toEqual({ fenced: [], locked: [1] })
    expect([(await read(1)).status, (await read(2)).status]).toEqual(['sending', 'sent'])
  })

  it('records the others of a batch', async () => {
    for (let n = 0; n < 3; n += 1) await insert()
    const { rows } = await table.claim({ limit: 3 })
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled' WHERE id = 2`)
    expect(await table.record(rows.map((row) => resultOf(row, { ...pending })))).toEqual({ fenced: [2], locked: [] })
    expect([(await read(1)).status, (await read(2)).status, (await read(3)).status]).toEqual([
      'pending',
      'cancelled',
      'pending',
    ])
  })
})

describe('leases', () => {
  it('are renewed for what is still this worker’s, and only that', async () => {
    for (let n = 0; n < 2; n += 1) await insert()
    const { rows } = await table.claim({ limit: 2 })
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled' WHERE id = 2`)
    await database.pool.query(`UPDATE email_queue SET leased_until = now() + interval '1 second'`)
    const { renewed } = await table.renew(rows)
    expect([...renewed]).toEqual([rows.find(({ id }) => id === 1)?.token])
    expect((await read(1)).leased_until?.getTime()).toBeGreaterThan(Date.now() + 30_000)
  })

  it('that ran out are rescued with their attempt given back, by one worker only', async () => {
    await insert()
    await claimOne()
    expect(await other.reap()).toEqual([])
    await endLeases()
    const rescued = await Promise.all([table.reap(), other.reap()])
    expect(rescued.flat()).toEqual([{ id: 1, status: 'pending', claimedBy: 'one', ambiguous: false }])
    expect(await read()).toMatchObject({ status: 'pending', attempts: 0, rescues: 1, error_class: 'worker_died' })
    expect(await ledger()).toEqual([])
  })

  it('that ran out a third time leave the row held', async () => {
    await insert()
    for (const status of ['pending', 'pending', 'held']) {
      // The second time it is put off a little.
      await database.pool.query('UPDATE email_queue SET due_at = now()')
      await claimOne()
      await endLeases()
      expect(await other.reap()).toMatchObject([{ status }])
    }
    expect((await read()).last_error).toBe('The worker one died with this row in hand (3 of 3 times before it is held)')
  })

  it('that ran out a second time bring rows that were in hand together back one by one', async () => {
    for (let n = 0; n < 20; n += 1) await insert()
    for (let died = 0; died < 2; died += 1) {
      await table.claim({ limit: 20 })
      await endLeases()
      await table.reap()
    }
    const { rows } = await database.pool.query(
      "SELECT count(DISTINCT due_at)::int AS count, max(due_at) < now() + interval '31 s' AS soon FROM email_queue",
    )
    expect(rows).toEqual([{ count: 20, soon: true }])
  })

  it('that end too late, given before the clock was set back, are shortened', async () => {
    await insert()
    await claimOne()
    await database.pool.query(`UPDATE email_queue SET leased_until = now() + interval '1 day'`)
    expect(await other.reap()).toEqual([])
    const { leased_until } = await read()
    expect((leased_until?.getTime() ?? 0) - Date.now()).toBeLessThan(70_000)
  })
})
