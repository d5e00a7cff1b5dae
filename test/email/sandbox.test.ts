import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readAllowlist } from '../../src/config/allowlist.ts'
import { divert } from '../../src/email/sandbox.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker, type TestWorkerOptions } from '../support/email-worker.ts'
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts'

const qa = { name: 'QA', address: 'qa@vertex.example' }
const open = { overrideTo: undefined, allowlist: undefined }

describe('the list of whom mail may go to', () => {
  it.each([
    ['anna@example.org', ['anna@example.org']],
    [' Anna@Example.org , @EXAMPLE.com', ['anna@example.org', '@example.com']],
    ['@пример.рф', ['@xn--e1afmkfd.xn--p1ai']],
    ['@a.org,@a.org', ['@a.org']],
  ])('"%s" is %j', (text, value) => expect(readAllowlist(text)).toEqual({ value }))

  it.each(['', 'anna', '@', 'a@b.org,', 'a@b.org;c@d.org', '*'])('"%s" is none', (text) =>
    expect(readAllowlist(text)).toMatchObject({ reason: expect.any(String) }),
  )
})

describe('whom a mail goes to', () => {
  const allowlist = ['pilot@example.org', '@team.example']
  it.each([
    [['a@x.org'], open, { kind: 'none' }],
    [['a@x.org'], { ...open, overrideTo: qa }, { kind: 'redirected', to: qa }],
    [['Pilot@Example.org', 'any@team.example'], { ...open, allowlist }, { kind: 'none' }],
    [['a@sub.team.example'], { ...open, allowlist }, { kind: 'held', outside: ['a@sub.team.example'] }],
    [
      ['a@notteam.example', 'any@team.example'],
      { ...open, allowlist },
      { kind: 'held', outside: ['a@notteam.example'] },
    ],
    [['any@team.example'], { overrideTo: qa, allowlist }, { kind: 'none' }],
    [['any@team.example', 'a@x.org'], { overrideTo: qa, allowlist }, { kind: 'redirected', to: qa }],
  ])('%j', (addresses, sandbox, diversion) => expect(divert(addresses, sandbox)).toEqual(diversion))
})

describe('a test installation', () => {
  let database: TestDatabase
  let smtp: TestSmtpServer
  beforeAll(async () => {
    database = await createTestDatabase()
    smtp = await startSmtpServer()
  })
  afterAll(() => Promise.all([smtp.stop(), database.drop()]))
  beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_attempts RESTART IDENTITY'))

  const insert = (to: string, more = {}) =>
    database.db
      .insertInto('email_queue')
      .values({ recipient_to: to, subject: 'Счёт', body: 'b', ...more })
      .execute()
  const read = () => database.db.selectFrom('email_queue').selectAll().orderBy('id').execute()

  async function deliver(sandbox: TestWorkerOptions['sandbox']) {
    const worker = createTestWorker(database, { smtpUrl: smtp.url, ...(sandbox ? { sandbox } : {}) })
    const before = smtp.mails.length
    await worker.drain.run()
    await worker.stop()
    return smtp.mails.slice(before)
  }

  it('sends a mail once to the one who stands in, says whom it was for, and in production it goes to them after all', async () => {
    await insert('Анна <anna@example.org>', { recipient_cc: 'b@example.org', recipient_bcc: 'c@example.org' })
    const [mail, ...others] = await deliver({ ...open, overrideTo: qa })
    expect(others).toEqual([])
    expect(mail?.to).toEqual(['qa@vertex.example'])
    expect(mail?.header('To')).toBe('QA <qa@vertex.example>')
    expect(mail?.header('Cc')).toBeUndefined()
    expect(mail?.header('X-Original-Recipients')).toBe('anna@example.org, b@example.org, c@example.org')
    expect(Buffer.from(mail?.header('Subject')?.slice(10, -2) ?? '', 'base64').toString()).toMatch(
      /^\[to anna@example.org and/,
    )
    const [row] = await read()
    expect(row).toMatchObject({ status: 'sent', recipients: { 'qa@vertex.example': { state: 'accepted' } } })
    expect(Object.keys(row?.recipients ?? {})).toHaveLength(1)
    await database.pool.query(`UPDATE email_queue SET status = 'cancelled'; UPDATE email_queue SET status = 'pending'`)
    const [again] = await deliver(undefined)
    expect(again?.to).toEqual(['anna@example.org', 'b@example.org', 'c@example.org'])
  })

  it('holds what is for somebody else, again when it is released there, and uncounted as a failure', async () => {
    await insert('pilot@example.org')
    await insert('anna@example.org, pilot@example.org')
    const sandbox = { ...open, allowlist: ['pilot@example.org'] }
    expect((await deliver(sandbox)).map(({ to }) => to)).toEqual([['pilot@example.org']])
    const held = {
      status: 'held',
      error_class: 'not_allowed',
      last_error: 'EMAIL_ALLOWLIST does not allow mail to anna@example.org',
    }
    expect(await read()).toMatchObject([{ status: 'sent' }, held])
    await database.pool.query(`UPDATE email_queue SET status = 'pending' WHERE status = 'held'`)
    expect(await deliver(sandbox)).toEqual([])
    expect(await read()).toMatchObject([{ status: 'sent' }, held])
    const { rows } = await database.pool.query(
      'SELECT outcome, error_class FROM fleet.email_attempts WHERE email_id = 2',
    )
    expect(rows).toEqual(Array.from({ length: 2 }, () => ({ outcome: 'skipped', error_class: 'not_allowed' })))
  })
})
