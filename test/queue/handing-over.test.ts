import { beforeAll, describe, expect, it } from 'vitest'
import { connectDatabase } from '../../src/db/pool.ts'
import { type EmailRow, emailTable } from '../../src/email/store.ts'
import type { AttemptResult, LeasedTable } from '../../src/queue/leased-table.ts'
import type { Settlement } from '../../src/queue/settlement.ts'
import type { TestDatabase } from '../support/database.ts'
import { claimOneFrom, resultOf, setMailTable } from './mail-table.ts'

const scene = setMailTable()
const { workerOf, insert, read, endLeases, marks, ledger } = scene
let database: TestDatabase
let table: LeasedTable<EmailRow>
let other: LeasedTable<EmailRow>
beforeAll(() => {
  database = scene.database
  table = workerOf('one')
  other = workerOf('other')
})

const claimOne = (from = table) => claimOneFrom(from)

describe('rescuing', () => {
  it('goes on when the clock was set back to before the server started', async () => {
    await insert()
    await claimOne()
    await endLeases()
    await database.pool.query(`
      CREATE SCHEMA early;
      CREATE FUNCTION early.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql AS $$
        SELECT now() + interval '1 hour' $$`)
    const url = new URL(database.url)
    url.searchParams.set('options', '-c search_path=early,pg_catalog,public')
    const early = connectDatabase({ url: url.href, applicationName: 'early' })
    try {
      const options = { owner: 'early', leaseSeconds: 60, messageIdDomain: 'vertex.example', holdAmbiguous: [] }
      expect(await emailTable(early, options).reap()).toMatchObject([{ id: 1, status: 'pending' }])
    } finally {
      await early.close()
    }
  })

  it('does not wait for a row that another program has locked', async () => {
    for (let n = 0; n < 2; n += 1) await insert()
    await table.claim({ limit: 2 })
    await endLeases()
    await database.pool.query(`UPDATE email_queue SET leased_until = now() + interval '1 day' WHERE id = 1`)
    const forgetful = await database.pool.connect()
    try {
      await forgetful.query('BEGIN; SELECT FROM email_queue WHERE id = 1 FOR UPDATE')
      expect(await other.reap()).toMatchObject([{ id: 2 }])
    } finally {
      await forgetful.query('ROLLBACK')
      forgetful.release()
    }
  })
})

describe('handing over', () => {
  it('is durable, and says so again when it is asked again', async () => {
    await insert()
    const row = await claimOne()
    expect(await table.handOver([row])).toEqual(new Set([row.token]))
    expect(await table.handOver([row])).toEqual(new Set([row.token]))
    expect(await marks()).toEqual([row.token])
  })

  it.each([
    ['was cancelled', `UPDATE email_queue SET status = 'cancelled'`],
    ['is deleted', 'DELETE FROM email_queue'],
    ['has no lease any more', `UPDATE email_queue SET leased_until = now() - interval '1 ms'`],
    ['was claimed by another', `UPDATE email_queue SET claim_token = nextval('fleet.claim_token_seq')`],
  ])('is refused to a row that %s', async (_, change) => {
    await insert()
    const row = await claimOne()
    await database.pool.query(change)
    expect(await table.handOver([row])).toEqual(new Set())
    expect(await marks()).toEqual([])
  })

  it('ends with the outcome, which the ledger keeps', async () => {
    await insert()
    const row = await claimOne()
    await table.handOver([row])
    await table.record([attempted(row, { status: 'sent' })])
    expect(await marks()).toEqual([])
    expect(await ledger()).toMatchObject([
      { email_id: 1, attempt: 1, token: row.token, worker: 'one', outcome: 'sent', smtp_code: 250, duration_ms: 12 },
    ])
    const [entry] = await ledger()
    const { claimed_at } = await read()
    expect(entry?.claimed_at).toEqual(claimed_at)
    expect(Number(entry?.handed_over_at)).toBeLessThanOrEqual(Number(entry?.ended_at))
    expect(Number(entry?.claimed_at)).toBeLessThanOrEqual(Number(entry?.handed_over_at))
  })

  it('leaves, when the worker dies, an ambiguous entry and the row to be sent again', async () => {
    await insert()
    const row = await claimOne()
    await table.handOver([row])
    await endLeases()
    expect(await other.reap()).toEqual([{ id: 1, status: 'pending', claimedBy: 'one', ambiguous: true }])
    expect(await ledger()).toMatchObject([
      { email_id: 1, attempt: 1, token: row.token, worker: 'one', outcome: 'ambiguous' },
    ])
    expect(await read()).toMatchObject({ status: 'pending', attempts: 0, error_class: 'answer_lost' })
    expect(await marks()).toEqual([])
  })

  it.each([
    ['the row says so', 'when_ambiguous', `'hold'`, [], 'held'],
    ['its template is held', 'template_id', `'invoice'`, ['invoice'], 'held'],
    ['all are held', 'subject', `'s'`, 'all' as const, 'held'],
    ['the row says otherwise', 'when_ambiguous', `'resend'`, 'all' as const, 'pending'],
    ['the row says what nobody understands', 'when_ambiguous', `'perhaps'`, [], 'pending'],
  ])('is held or sent again as wished when the worker dies: %s', async (_, column, value, holdAmbiguous, status) => {
    await insert()
    await database.pool.query(`UPDATE email_queue SET ${column} = ${value}`)
    const policed = workerOf('one', holdAmbiguous)
    const row = await claimOne(policed)
    expect(row.holds_ambiguous).toBe(status === 'held')
    await policed.handOver([row])
    await endLeases()
    expect(await policed.reap()).toMatchObject([{ status, ambiguous: true }])
  })

  it('keeps in the ledger what a worker did that came back too late', async () => {
    await insert()
    const late = await claimOne()
    await table.handOver([late])
    await endLeases()
    await other.reap()
    await claimOne(other)
    expect(await table.record([attempted(late, { status: 'sent' })])).toEqual({ fenced: [1], locked: [] })
    expect((await ledger()).map(({ outcome }) => outcome)).toEqual(['ambiguous', 'sent'])
    expect((await read()).status).toBe('sent')
  })

  it.each([{ status: 'sent' } as const, { status: 'pending', delayMs: 0, giveBack: false } as const])(
    'is in the ledger once when it is recorded again, because the answer of the database was lost: $status',
    async (settlement) => {
      await insert()
      const row = await claimOne()
      await table.handOver([row])
      await table.record([attempted(row, settlement)])
      await table.record([attempted(row, settlement)])
      expect(await ledger()).toHaveLength(1)
    },
  )

  it('keeps in the ledger what was done about a row that is gone', async () => {
    await insert()
    const row = await claimOne()
    await table.handOver([row])
    await database.pool.query('DELETE FROM email_queue')
    expect(await table.record([attempted(row, { status: 'sent' })])).toEqual({ fenced: [1], locked: [] })
    expect(await ledger()).toMatchObject([{ email_id: 1, outcome: 'sent' }])
    expect(await marks()).toEqual([])
  })
})

function attempted(row: EmailRow, settlement: Settlement): AttemptResult {
  const { attempt } = row
  const answer = {
    code: 250,
    providerCode: '2.0.0',
    reply: '250 2.0.0 ok',
    transport: 'mail.example:25',
    durationMs: 12,
  }
  return { ...resultOf(row, settlement), entry: { attempt, outcome: 'sent', errorClass: undefined, ...answer } }
}
