import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker, type TestWorkerOptions } from '../support/email-worker.ts'
import { type RawSmtpServer, startRawSmtpServer } from '../support/raw-smtp-server.ts'
import { type SmtpScript, startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => sql`TRUNCATE email_queue, fleet.email_attempts RESTART IDENTITY`.execute(database.db))

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function smtp(script: SmtpScript = {}) {
  const server = await startSmtpServer(script)
  cleanups.push(() => server.stop())
  return server
}

function start(options: TestWorkerOptions) {
  const worker = createTestWorker(database, options)
  cleanups.push(() => worker.stop())
  worker.drain.start()
  worker.drain.wake()
  return worker
}

async function insert(to: string, columns: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const row = { recipient_to: to, subject: 's', body: 'b', ...columns }
  const names = sql.join(Object.keys(row).map((name) => sql.ref(name)))
  await sql`INSERT INTO email_queue (${names}) VALUES (${sql.join(Object.values(row))})`.execute(database.db)
}

async function rows(columns = 'status, attempts') {
  const { rows: found } = await database.pool.query(
    `SELECT ${columns}, count(*)::int AS count FROM email_queue GROUP BY ${columns} ORDER BY ${columns}`,
  )
  return found
}

describe('telling the mail’s faults from the server’s', () => {
  it('goes on over the same connection after a mail that nobody was accepted for', async () => {
    const server = await smtp({ recipient: (address) => (address.startsWith('gone') ? '550 5.1.1 nobody' : undefined) })
    for (const n of [1, 2]) await insert(`gone${n}@example.com`)
    for (const n of [1, 2, 3]) await insert(`ok${n}@example.com`)
    const worker = start({ smtpUrl: server.url, concurrency: 1 })
    await expect
      .poll(() => rows('status'))
      .toEqual([
        { status: 'failed', count: 2 },
        { status: 'sent', count: 3 },
      ])
    expect(worker.watch.pauseMs).toBe(0)
    expect(server.connections).toBe(1)
  })

  it.each(['RCPT TO', '.'])('burns no attempt when the server dies at %j under load', async (step) => {
    for (let n = 0; n < 20; n += 1) await insert(`user${n}@example.com`)
    const dying: RawSmtpServer = await startRawSmtpServer({ [step]: () => void dying.stop() })
    const worker = start({ smtpUrl: `smtp://127.0.0.1:${dying.port}`, concurrency: 5 })
    await expect.poll(() => worker.watch.capacity).toBe(0)
    const server = await smtp({ port: dying.port })
    await expect.poll(() => rows()).toEqual([{ status: 'sent', attempts: 1, count: 20 }])
    expect(server.mails.length).toBe(20)
  })

  it.each([
    { when_ambiguous: 'resend', outcomes: ['ambiguous', 'sent'], row: { status: 'sent', attempts: 1, count: 1 } },
    { when_ambiguous: 'hold', outcomes: ['ambiguous'], row: { status: 'held', attempts: 1, count: 1 } },
  ])('remembers what a dying server may have taken: $when_ambiguous', async ({ when_ambiguous, outcomes, row }) => {
    await insert('user@example.com', { when_ambiguous })
    const dying: RawSmtpServer = await startRawSmtpServer({ '.': () => void dying.stop() })
    const worker = start({ smtpUrl: `smtp://127.0.0.1:${dying.port}`, concurrency: 1 })
    await expect.poll(() => worker.watch.capacity).toBe(0)
    await smtp({ port: dying.port })
    await expect.poll(() => rows()).toEqual([row])
    const ledger = await sql<{ outcome: string }>`
      SELECT outcome FROM fleet.email_attempts ORDER BY ended_at`.execute(database.db)
    expect(ledger.rows.map(({ outcome }) => outcome)).toEqual(outcomes)
  })

  it('counts an attempt when a mail makes the server break off while others get through', async () => {
    const server = await smtp({
      message: (mail) => (mail.to[0] === 'poison@example.com' ? '421 4.3.0 closing' : undefined),
    })
    await insert('poison@example.com', { max_attempts: 1 })
    for (let n = 0; n < 10; n += 1) await insert(`user${n}@example.com`)
    start({ smtpUrl: server.url, concurrency: 2 })
    await expect
      .poll(() => rows('status'))
      .toEqual([
        { status: 'failed', count: 1 },
        { status: 'sent', count: 10 },
      ])
  })

  it('fails a mail refused at MAIL FROM when others are not, instead of pausing for it again and again', async () => {
    const refusing = await smtp({
      options: {
        onMailFrom: (address, _session, done) => {
          const size = Number(address.args && 'SIZE' in address.args ? address.args.SIZE : 0)
          done(size > 5_000 ? Object.assign(new Error('5.7.0 not this one'), { responseCode: 554 }) : null)
        },
        size: 100_000,
      },
    })
    await insert('large@example.com', { body: 'x '.repeat(4_000), priority: 1 })
    start({ smtpUrl: refusing.url, concurrency: 2 })
    for (let n = 0; (await rows('status')).every(({ status }) => status !== 'failed'); n += 1) {
      await insert(`user${n}@example.com`)
      await expect.poll(() => refusing.mails.some(({ to }) => to[0] === `user${n}@example.com`)).toBe(true)
    }
    const large = await database.db.selectFrom('email_queue').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()
    expect(large).toMatchObject({ status: 'failed', attempts: 1, error_class: 'policy_refused' })
  })

  it('burns no attempt while the server puts all but some off at MAIL FROM', async () => {
    let n = 0
    const server = await smtp({
      mail: () => {
        n += 1
        return n % 3 === 0 ? undefined : '450 4.7.1 slow down'
      },
    })
    for (let id = 0; id < 12; id += 1) await insert(`user${id}@example.com`)
    start({ smtpUrl: server.url, concurrency: 3 })
    await expect.poll(() => rows()).toEqual([{ status: 'sent', attempts: 1, count: 12 }])
  })

  it('tries less and less often while everybody refuses us', async () => {
    const server = await smtp({ message: () => '554 5.7.1 our block list has you' })
    for (let n = 0; n < 30; n += 1) await insert(`user@domain${n}.example`)
    const worker = start({ smtpUrl: server.url, concurrency: 5 })
    await expect.poll(() => worker.watch.pauseMs).toBeGreaterThanOrEqual(400)
    await expect.poll(() => rows('status')).toEqual([{ status: 'pending', count: 30 }])
  })

  it('counts the attempts of a mail whose answer is lost each time, though the server is well', async () => {
    const server = await startRawSmtpServer({ '.': (socket) => void socket.destroy() })
    cleanups.push(() => server.stop())
    await insert('user@example.com', { max_attempts: 2 })
    start({ smtpUrl: `smtp://127.0.0.1:${server.port}`, backoff: { firstMs: 10, lastMs: 10 } })
    await expect
      .poll(() => rows('status, error_class'))
      .toEqual([{ status: 'failed', error_class: 'answer_lost', count: 1 }])
    expect(server.messages.length).toBe(2)
  })

  it('goes on over its one connection where the server has no room for a probe', async () => {
    let first = true
    const server = await smtp({
      options: { maxClients: 1 },
      mail: () => {
        const answer = first ? '450 4.3.0 not yet' : undefined
        first = false
        return answer
      },
    })
    for (let n = 0; n < 6; n += 1) await insert(`user${n}@example.com`)
    start({ smtpUrl: server.url, concurrency: 1 })
    await expect.poll(() => rows()).toEqual([{ status: 'sent', attempts: 1, count: 6 }])
  })

  it('never writes twice to somebody who has the mail because another refuses our sender', async () => {
    const server = await smtp({
      recipient: (address) => (address.startsWith('picky') ? '550 5.1.8 sender' : undefined),
    })
    await insert('ok@example.com, picky@elsewhere.example')
    start({ smtpUrl: server.url })
    await expect
      .poll(() => rows('status, error_class'))
      .toEqual([{ status: 'failed', error_class: 'sender_refused', count: 1 }])
    expect(server.mails.map(({ to }) => to)).toEqual([['ok@example.com']])
  })

  it('takes back every row of a streak, over many connections', async () => {
    let listed = true
    const server = await smtp({ message: () => (listed ? '554 5.7.1 our block list has you' : undefined) })
    for (let n = 0; n < 12; n += 1) await insert(`user@domain${n}.example`)
    const worker = start({ smtpUrl: server.url, concurrency: 10 })
    await expect.poll(() => worker.watch.pauseMs).toBeGreaterThan(0)
    await expect.poll(() => rows('status')).toEqual([{ status: 'pending', count: 12 }])
    listed = false
    await expect.poll(() => rows('status'), { timeout: 30_000 }).toEqual([{ status: 'sent', count: 12 }])
  })

  it('keeps on when an outage ends while a probe is under way', async () => {
    let greeted = 0
    const server = await smtp({
      options: {
        onConnect: (_session, done) => {
          greeted += 1
          // The second connection is the probe: slow, while mail passes over the first.
          if (greeted === 2) done(Object.assign(new Error('4.3.2 too many'), { responseCode: 421 }))
          else done()
        },
      },
    })
    for (let n = 0; n < 30; n += 1) await insert(`user${n}@example.com`)
    start({ smtpUrl: server.url, concurrency: 2 })
    await expect.poll(() => rows()).toEqual([{ status: 'sent', attempts: 1, count: 30 }])
  })
})

describe('rows that other programs wrote or hold', () => {
  it('does not let a forgotten transaction on one row hold up or double the others', async () => {
    const gate = Promise.withResolvers<undefined>()
    const server = await smtp({ message: () => gate.promise })
    for (let n = 0; n < 8; n += 1) await insert(`user${n}@example.com`)
    start({ smtpUrl: server.url, concurrency: 4, leaseSeconds: 1 })
    await expect.poll(() => rows('status')).toContainEqual({ status: 'sending', count: 4 })
    const session = new pg.Client(database.url)
    await session.connect()
    await session.query('BEGIN')
    await session.query(`UPDATE email_queue SET status = 'cancelled' WHERE id = 1`)
    gate.resolve(undefined)
    start({ smtpUrl: server.url, concurrency: 4, leaseSeconds: 1, owner: 'another' })
    await expect
      .poll(() => rows('status'))
      .toEqual([
        { status: 'sending', count: 1 },
        { status: 'sent', count: 7 },
      ])
    await session.query('ROLLBACK')
    await session.end()
    await expect.poll(() => rows('status')).toEqual([{ status: 'sent', count: 8 }])
    expect(server.mails.length).toBe(8)
  })

  it.each([
    ['a time before all times', { scheduled_at: '-infinity' }],
    ['as many attempts as a number can hold', { attempts: 2_147_483_647 }],
    ['an empty Message-ID', { message_id: '' }],
  ])('sends past %s', async (_name, columns) => {
    const server = await smtp()
    await insert('odd@example.com', columns)
    await insert('user@example.com')
    start({ smtpUrl: server.url })
    await expect.poll(() => server.mails.map(({ to }) => to[0])).toContain('user@example.com')
    await expect.poll(() => rows('status')).not.toContainEqual(expect.objectContaining({ status: 'sending' }))
    for (const mail of server.mails) expect(mail.header('message-id')).toMatch(/^<\d+\.[0-9a-f]+@vertex\.example>$/)
  })

  it('keeps a row with its worker when another program sets it to pending meanwhile', async () => {
    const server = await smtp({
      message: async () => {
        await sql`UPDATE email_queue SET status = 'pending'`.execute(database.db)
        return undefined
      },
    })
    await insert('user@example.com')
    const worker = start({ smtpUrl: server.url })
    await expect.poll(() => rows('status')).toEqual([{ status: 'sent', count: 1 }])
    await worker.drain.run()
    expect(server.mails.length).toBe(1)
  })

  it('records an answer that ends in half an emoji', async () => {
    const server = await smtp({
      recipient: (address) => (address.startsWith('b') ? `450 4.2.0 ${'x'.repeat(498)}😀😀` : undefined),
    })
    await insert('a@example.com, b@example.com')
    start({ smtpUrl: server.url })
    await expect.poll(() => rows()).toEqual([{ status: 'pending', attempts: 1, count: 1 }])
    const { recipients } = await database.db.selectFrom('email_queue').selectAll().executeTakeFirstOrThrow()
    expect(recipients).toMatchObject({ 'a@example.com': { state: 'accepted' }, 'b@example.com': { state: 'deferred' } })
  })

  it('expires what is too late during an outage as well', async () => {
    const server = await startSmtpServer()
    await server.stop()
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, not_after)
      VALUES ('a@example.com', 's', 'b', fleet.utc_now() + interval '1 second')`.execute(database.db)
    start({ smtpUrl: server.url })
    await expect
      .poll(() => rows('status, error_class'))
      .toEqual([{ status: 'expired', error_class: 'expired', count: 1 }])
  })
})

describe('stopping', () => {
  it('opens no connection after the deadline', async () => {
    const server = await startRawSmtpServer({ 'MAIL FROM': ['250 ok', () => {}] })
    cleanups.push(() => server.stop())
    await insert('first@example.com')
    const worker = createTestWorker(database, {
      smtpUrl: `smtp://127.0.0.1:${server.port}`,
      concurrency: 1,
      shutdownSeconds: 0.3,
    })
    worker.drain.start()
    worker.drain.wake()
    await expect.poll(() => rows('status')).toEqual([{ status: 'sent', count: 1 }])
    await insert('second@example.com')
    await expect.poll(() => rows('status')).toContainEqual({ status: 'sending', count: 1 })
    await worker.stop()
    expect(server.connections).toBe(1)
    expect(await rows()).toEqual([
      { status: 'pending', attempts: 0, count: 1 },
      { status: 'sent', attempts: 1, count: 1 },
    ])
  })

  it('ends during an outage without trying again', async () => {
    const server = await startSmtpServer()
    await server.stop()
    await insert('user@example.com')
    const worker = start({ smtpUrl: server.url })
    await expect.poll(() => worker.watch.capacity).toBe(0)
    await worker.stop()
    const late = await smtp({ port: server.port })
    await insert('other@example.com')
    expect(await rows()).toEqual([{ status: 'pending', attempts: 0, count: 2 }])
    expect(late.connections).toBe(0)
  })
})
