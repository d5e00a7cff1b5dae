import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker } from '../support/email-worker.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => sql`TRUNCATE email_queue RESTART IDENTITY`.execute(database.db))

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function later<T extends { stop(): Promise<unknown> }>(resource: T): T {
  cleanups.push(() => resource.stop())
  return resource
}

async function insert(columns: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const row = { recipient_to: 'a@example.com', subject: 's', body: 'b', ...columns }
  const names = sql.join(Object.keys(row).map((name) => sql.ref(name)))
  await sql`INSERT INTO email_queue (${names}) VALUES (${sql.join(Object.values(row))})`.execute(database.db)
}

async function read(id = 1) {
  return database.db.selectFrom('email_queue').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

async function statuses(): Promise<Record<string, number>> {
  const { rows } = await sql<{ status: string; count: number }>`
    SELECT status, count(*)::int AS count FROM email_queue GROUP BY status`.execute(database.db)
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

describe('the e-mail drain', () => {
  it('delivers 10,000 rows of mixed priorities exactly once', async () => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url, concurrency: 10 }))
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, priority)
      SELECT format('user%s@example.com', n), format('Mail %s', n), 'Hello', 1 + n % 10 FROM generate_series(1, 10000) n`.execute(
      database.db,
    )
    worker.drain.start()
    worker.drain.wake()
    await expect.poll(() => statuses(), { timeout: 50_000, interval: 100 }).toEqual({ sent: 10_000 })
    expect(new Set(server.mails.map((mail) => mail.header('message-id'))).size).toBe(10_000)
    expect(server.mails.length).toBe(10_000)
    const { rows } = await sql<{ attempts: number; unsent: number }>`
      SELECT max(attempts) AS attempts, count(*) FILTER (WHERE sent_at IS NULL)::int AS unsent FROM email_queue`.execute(
      database.db,
    )
    expect(rows[0]).toEqual({ attempts: 1, unsent: 0 })
  })

  it('sends in order of priority over one connection', async () => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url, concurrency: 1 }))
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, priority)
      SELECT 'user@example.com', format('%s', lpad((1 + n * 7 % 10)::text, 2, '0')), 'Hello', 1 + n * 7 % 10
        FROM generate_series(1, 200) n`.execute(database.db)
    await worker.drain.run()
    await expect.poll(() => server.mails.length).toBe(200)
    const order = server.mails.map((mail) => mail.header('subject'))
    expect(order).toEqual([...order].sort())
  })

  it('serves a new row of priority 1 before 100,000 waiting ones', async () => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url, concurrency: 1 }))
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body)
      SELECT 'user@example.com', 'waiting', 'Hello' FROM generate_series(1, 100000)`.execute(database.db)
    worker.drain.wake()
    await expect.poll(() => server.mails.length).toBeGreaterThan(5)
    const { before } = await database.db.transaction().execute(async (transaction) => {
      await sql`INSERT INTO email_queue (recipient_to, subject, body, priority) VALUES ('vip@example.com', 'urgent', 'Hello', 1)`.execute(
        transaction,
      )
      return { before: server.mails.length }
    })
    await expect.poll(() => server.mails.findIndex((mail) => mail.header('subject') === 'urgent')).toBeGreaterThan(0)
    const position = server.mails.findIndex((mail) => mail.header('subject') === 'urgent')
    // What was in hand or being claimed when it came goes first: two mails over one connection, and those sent during the commit.
    expect(position - before).toBeLessThanOrEqual(10)
  })

  it('records each recipient and retries only those outstanding', async () => {
    let busy = true
    const server = later(
      await startSmtpServer({
        recipient: (address) => {
          if (address === 'gone@example.com') return '550 5.1.1 no such user'
          return address === 'busy@example.com' && busy ? '450 4.2.0 busy' : undefined
        },
      }),
    )
    const worker = later(createTestWorker(database, { smtpUrl: server.url }))
    await insert({ recipient_to: 'Ok <ok@example.com>, busy@example.com', recipient_cc: 'gone@example.com' })
    await worker.drain.run()
    await expect
      .poll(() => read())
      .toMatchObject({ status: 'pending', attempts: 1, error_class: 'mailbox_unavailable' })
    expect(server.mails.map(({ to }) => to)).toEqual([['ok@example.com']])
    expect((await read()).recipients).toMatchObject({
      'ok@example.com': { state: 'accepted' },
      'busy@example.com': { state: 'deferred' },
      'gone@example.com': { state: 'refused' },
    })

    busy = false
    await sql`UPDATE email_queue SET due_at = now()`.execute(database.db)
    await worker.drain.run()
    await expect.poll(() => read()).toMatchObject({ status: 'failed', attempts: 2, error_class: 'recipient_unknown' })
    expect(server.mails.map(({ to }) => to)).toEqual([['ok@example.com'], ['busy@example.com']])
    expect((await read()).last_error).toContain('gone@example.com refused: no such mailbox')
    expect(new Set(server.mails.map((mail) => mail.header('message-id'))).size).toBe(1)
  })

  it('gives up after max_attempts', async () => {
    const server = later(await startSmtpServer({ message: () => '451 4.3.0 try later' }))
    const worker = later(createTestWorker(database, { smtpUrl: server.url, backoff: { firstMs: 1, lastMs: 1 } }))
    await insert({ max_attempts: 2 })
    worker.drain.start()
    await expect.poll(() => read()).toMatchObject({ status: 'failed', attempts: 2, error_class: 'server_unavailable' })
    expect((await read()).last_error).toContain('(after 2 attempts)')
  })

  it.each([
    ['a bad address', { recipient_to: 'not an address' }, 'recipient_invalid', 'not an address'],
    [
      'a line break in an address',
      { recipient_to: 'a@example.com\r\nBcc: evil@example.com' },
      'recipient_invalid',
      'control character',
    ],
    ['no recipient', { recipient_to: ' ' }, 'no_recipient', 'names no recipient'],
    ['a 10 MB body', { body: 'x'.repeat(10_000_000) }, 'too_large', 'EMAIL_MAX_BYTES'],
    [
      'variables that are no object',
      { template_id: 'subscription_expired', variables: '[1]' },
      'template_variables',
      'variables',
    ],
    [
      'a missing variable',
      { template_id: 'subscription_expired', variables: '{}' },
      'template_variables',
      'subscription_expired',
    ],
    ['an unknown template', { template_id: 'no_such_template' }, 'template_unknown', 'no_such_template'],
  ])('fails a row with %s, and goes on with the rest', async (_name, columns, errorClass, reason) => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url }))
    await insert(columns)
    await insert({ subject: 'the rest' })
    await worker.drain.run()
    await expect.poll(() => statuses(), { timeout: 10_000 }).toEqual({ failed: 1, sent: 1 })
    expect(await read(1)).toMatchObject({ error_class: errorClass, attempts: 1 })
    expect((await read(1)).last_error).toContain(reason)
    expect(server.mails.map((mail) => mail.header('subject'))).toEqual(['the rest'])
  })

  it('cannot be made to write a header by a subject', async () => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url }))
    await insert({ subject: 'Hello\r\nBcc: evil@example.com\r\n\r\nbody' })
    await worker.drain.run()
    await expect.poll(() => server.mails.length).toBe(1)
    expect(server.mails[0]?.header('bcc')).toBeUndefined()
    expect(server.mails[0]?.to).toEqual(['a@example.com'])
  })

  it('pauses while the server is down and burns no attempt', async () => {
    const first = await startSmtpServer()
    const worker = later(createTestWorker(database, { smtpUrl: first.url, concurrency: 3 }))
    await first.stop()
    for (let n = 0; n < 20; n += 1) await insert()
    worker.drain.start()
    await expect.poll(() => worker.watch.capacity).toBe(0)
    await expect.poll(() => statuses()).toEqual({ pending: 20 })
    const server = later(await startSmtpServer({ port: first.port }))
    await expect.poll(() => statuses(), { timeout: 10_000 }).toEqual({ sent: 20 })
    expect(server.mails.length).toBe(20)
    const { rows } = await sql<{ attempts: number }>`SELECT DISTINCT attempts FROM email_queue`.execute(database.db)
    expect(rows).toEqual([{ attempts: 1 }])
  })

  it('uses fewer connections when the server turns some away', async () => {
    const server = later(await startSmtpServer({ options: { maxClients: 2 } }))
    const worker = later(createTestWorker(database, { smtpUrl: server.url, concurrency: 6 }))
    for (let n = 0; n < 60; n += 1) await insert()
    worker.drain.start()
    await expect.poll(() => statuses(), { timeout: 10_000 }).toEqual({ sent: 60 })
    expect(worker.watch.capacity).toBeLessThan(6)
    const { rows } = await sql<{ attempts: number }>`SELECT DISTINCT attempts FROM email_queue`.execute(database.db)
    expect(rows).toEqual([{ attempts: 1 }])
  })

  it('takes one and the same refusal by many domains for an outage, and takes back what it had failed', async () => {
    let listed = true
    const server = later(
      await startSmtpServer({ message: () => (listed ? '554 5.7.1 our block list has you' : undefined) }),
    )
    const worker = later(createTestWorker(database, { smtpUrl: server.url, concurrency: 1 }))
    for (let n = 0; n < 8; n += 1) await insert({ recipient_to: `user@domain${n}.example` })
    worker.drain.start()
    await expect.poll(() => worker.watch.pauseMs, { timeout: 10_000 }).toBeGreaterThan(0)
    await expect.poll(() => statuses()).toEqual({ pending: 8 })
    listed = false
    await expect.poll(() => statuses(), { timeout: 20_000 }).toEqual({ sent: 8 })
  })

  it('lets a cancel win that comes while the mail is refused', async () => {
    const cancel = () => sql`UPDATE email_queue SET status = 'cancelled'`.execute(database.db)
    const server = later(
      await startSmtpServer({
        message: async () => {
          await cancel()
          return '451 4.3.0 later'
        },
      }),
    )
    const worker = later(createTestWorker(database, { smtpUrl: server.url }))
    await insert()
    await worker.drain.run()
    await expect.poll(() => worker.drain.inHand).toBe(0)
    expect(await read()).toMatchObject({ status: 'cancelled', last_error: null })
  })

  it('sends a mail at its scheduled_at, not before', async () => {
    const server = later(await startSmtpServer())
    const worker = later(createTestWorker(database, { smtpUrl: server.url }))
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, scheduled_at)
      VALUES ('a@example.com', 's', 'b', fleet.utc_now() + interval '1.2 seconds')`.execute(database.db)
    worker.drain.start()
    await expect.poll(() => statuses()).toEqual({ sent: 1 })
    const { rows } = await sql<{ early: boolean; late: boolean }>`
      SELECT sent_at < scheduled_at AS early, sent_at > scheduled_at + interval '10 seconds' AS late
        FROM email_queue`.execute(database.db)
    expect(rows).toEqual([{ early: false, late: false }])
  })

  it('signs with DKIM when a key is configured', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const server = later(await startSmtpServer())
    const dkim = { domain: 'vertex.example', selector: 'mail2026', privateKey }
    const worker = later(createTestWorker(database, { smtpUrl: server.url, dkim }))
    await insert({ html: '<p>Hello</p>' })
    await worker.drain.run()
    await expect.poll(() => server.mails.length).toBe(1)
    expect(server.mails[0]?.header('dkim-signature')).toMatch(/d=vertex\.example; ?.*s=mail2026/)
  })

  it('puts mail into the local mailbox when asked for by name', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fleet-mailbox-'))
    cleanups.push(() => rm(directory, { recursive: true }))
    const worker = later(createTestWorker(database, { smtpUrl: 'mailbox:', mailbox: directory }))
    await insert({ recipient_bcc: 'hidden@example.com', subject: 'Привет' })
    await worker.drain.run()
    await expect.poll(() => statuses()).toEqual({ sent: 1 })
    const [file] = await readdir(directory)
    const eml = await readFile(join(directory, file ?? ''), 'utf8')
    expect(file).toMatch(/\.eml$/)
    expect(eml).toContain('Delivered-To: hidden@example.com')
    expect(eml).not.toContain('Bcc:')
  })
})
