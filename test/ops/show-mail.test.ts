import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showMail, showMailBody } from '../../src/ops/show-mail.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveEnded, insertMail } from './mails.ts'

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
