import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showMail, showMailBody } from '../../src/ops/show-mail.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveEnded, insertAttempt, insertMail } from './mails.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe('the recipients of a mail', () => {
  it('are told one by one, each once, with what their servers said', async () => {
    const id = await insertMail(database.db, {
      recipient_to: 'Ann <ann@example.org>, bob@Example.ORG',
      recipient_cc: 'ann@example.org; carl@example.org',
      recipient_bcc: 'dora@example.org, nobody@',
      recipients: JSON.stringify({
        'ann@example.org': { state: 'accepted', reply: '250 2.1.5 ok' },
        'bob@example.org': { state: 'refused', reply: '550 5.1.1 unknown', error_class: 'recipient_unknown' },
        'carl@example.org': { state: 'deferred', reply: '450 4.2.1 busy', error_class: 'mailbox_busy' },
      }),
    })
    const mail = await showMail(database.db, id)
    expect(mail?.recipients).toEqual([
      {
        field: 'to',
        address: 'ann@example.org',
        name: 'Ann',
        state: 'accepted',
        reply: '250 2.1.5 ok',
        errorClass: null,
      },
      {
        field: 'to',
        address: 'bob@example.org',
        name: '',
        state: 'refused',
        reply: '550 5.1.1 unknown',
        errorClass: 'recipient_unknown',
      },
      {
        field: 'cc',
        address: 'carl@example.org',
        name: '',
        state: 'deferred',
        reply: '450 4.2.1 busy',
        errorClass: 'mailbox_busy',
      },
      { field: 'bcc', address: 'dora@example.org', name: '', state: 'outstanding', reply: null, errorClass: null },
      {
        field: 'bcc',
        address: 'nobody@',
        name: '',
        state: 'refused',
        reply: 'not an address we can write to: it has no domain',
        errorClass: 'recipient_invalid',
      },
    ])
  })

  it('take nothing from the names that every object has', async () => {
    const id = await insertMail(database.db, { recipient_to: 'constructor', recipients: '{}' })
    expect((await showMail(database.db, id))?.recipients).toMatchObject([{ state: 'refused' }])
  })
})

it('tells the sizes and the names of the variables, and what the mail says only when asked', async () => {
  const id = await insertMail(database.db, {
    body: 'Привет',
    html: '<p>Hi</p>',
    variables: JSON.stringify({ name: 'Ann', end: null }),
  })
  const mail = await showMail(database.db, id)
  expect(mail).toMatchObject({ textBytes: 12, htmlBytes: 9, variableNames: ['end', 'name'] })
  expect(JSON.stringify(mail)).not.toContain('Привет')
  expect(await showMailBody(database.db, id)).toEqual({
    text: 'Привет',
    html: '<p>Hi</p>',
    variables: { name: 'Ann', end: null },
  })
})

it.each(['[1]', '"text"', 'null', null])('has no names where the variables are %s', async (variables) => {
  const id = await insertMail(database.db, { variables })
  expect(await showMail(database.db, id)).toMatchObject({ variableNames: [] })
})

describe('the history of a mail', () => {
  it('has each attempt, the latest last, also of a mail that is archived', async () => {
    const id = await insertMail(database.db, { status: 'sent' })
    expect(await showMail(database.db, id)).toMatchObject({ history: [] })
    const times = {
      claimed_at: new Date('2026-11-20T10:00:00.000Z'),
      handed_over_at: new Date('2026-11-20T10:00:00.010Z'),
    }
    const answer = { smtp_code: 250, enhanced_code: '2.0.0', reply: '250 2.0.0 queued as 7', duration_ms: 30 }
    const second = { attempt: 2, token: '12', outcome: 'sent', worker: 'b@host', transport: 'mail.example.org:25' }
    await insertAttempt(database.db, {
      ...{ email_id: id, ended_at: new Date('2026-11-20T10:00:00.030Z') },
      ...{ ...second, ...times, ...answer },
    })
    await insertAttempt(database.db, {
      ...{ email_id: id, token: '11', outcome: 'ambiguous', error_class: 'worker_died' },
      ended_at: new Date('2026-11-19T10:00:00Z'),
    })
    await insertAttempt(database.db, { email_id: id + 1 })
    const history = [
      {
        ...{ attempt: 1, token: '11', outcome: 'ambiguous', errorClass: 'worker_died' },
        ...{ claimedAt: null, handedOverAt: null, endedAt: new Date('2026-11-19T10:00:00Z') },
        ...{ smtpCode: null, enhancedCode: null, reply: null, worker: null, transport: null, durationMs: null },
      },
      {
        ...{ ...second, errorClass: null, claimedAt: times.claimed_at, handedOverAt: times.handed_over_at },
        endedAt: new Date('2026-11-20T10:00:00.030Z'),
        ...{ smtpCode: 250, enhancedCode: '2.0.0', reply: '250 2.0.0 queued as 7', durationMs: 30 },
      },
    ]
    expect((await showMail(database.db, id))?.history).toEqual(history)
    await archiveEnded(database.db)
    expect((await showMail(database.db, id))?.history).toEqual(history)
  })

  it('goes on where the mail is handed over at this moment', async () => {
    const id = await insertMail(database.db, { status: 'sending', claim_token: '77', when_ambiguous: 'hold' })
    expect(await showMail(database.db, id)).toMatchObject({ handedOverAt: null, whenAmbiguous: 'hold' })
    const at = new Date('2026-11-20T10:00:00Z')
    await database.db.insertInto('fleet.email_handovers').values({ token: '77', handed_over_at: at }).execute()
    expect(await showMail(database.db, id)).toMatchObject({ handedOverAt: at })
  })
})

it('knows nothing of a mail that is not there', async () => {
  expect(await showMail(database.db, 2_147_483_647)).toBeUndefined()
  expect(await showMailBody(database.db, 2_147_483_647)).toBeUndefined()
})

it('tells of an archived mail what it told before, and when it was archived', async () => {
  const id = await insertMail(database.db, {
    status: 'sent',
    body: 'Text',
    html: '<p>Text</p>',
    variables: '{"name":"Ann"}',
    dedup_key: 'order-7',
    updated_at: new Date('2026-11-20T10:00:00Z'),
    recipients: JSON.stringify({ 'ann@example.org': { state: 'accepted', reply: '250 ok' } }),
  })
  const [before, said] = [await showMail(database.db, id), await showMailBody(database.db, id)]
  await archiveEnded(database.db)
  expect(await showMail(database.db, id)).toEqual({ ...before, archivedAt: expect.any(Date) })
  expect(before?.archivedAt).toBeNull()
  expect(await showMailBody(database.db, id)).toEqual(said)
})
