import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readAddressPattern } from '../../../src/ops/address-pattern.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { archiveEnded, insertArchived, insertAttempt, insertMail } from '../mails.ts'
import { doneLines, dump, leftLines, matcher, preview, remains, runForget, writeEverywhere } from './forgetting.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

const ann = 'ann@x.org'
const accepted = { state: 'accepted', reply: '250 ok, Ann' }

async function mailOf(id: number) {
  const { rows } = await database.pool.query(
    `SELECT status, recipient_to, recipient_cc, recipient_bcc, subject, body, html, variables, last_error, recipients, dedup_key,
            error_class, message_id, updated_at, sent_at, erased_at IS NOT NULL AS erased
       FROM (SELECT to_jsonb(q) AS mail FROM email_queue q UNION ALL SELECT to_jsonb(a) FROM fleet.email_archive a) AS every,
            jsonb_populate_record(NULL::email_queue, mail)
      WHERE id = $1`,
    [id],
  )
  return rows[0]
}

it('leaves nothing of an address in any column of any table that the fleet writes, those made later included', async () => {
  const tables = await writeEverywhere(database, ann)
  await insertMail(database.db, { recipient_to: `Ann Lee <${ann}>`, status: 'sent', subject: ann, template_id: ann })
  await insertArchived(database.db, {
    recipient_to: ann,
    html: `<a href="?to=ann%40x.org">`,
    variables: `{"to": "${ann}"}`,
  })
  await database.pool.query(`
    INSERT INTO notifications (type, status, subject, message, event_data, group_id, source)
    VALUES ('email', 'sent', '${ann}', '${ann}', '{"to": "${ann}", "notice": "lifecycle:7"}', '${ann}', '${ann}')`)
  expect(tables.length).toBeGreaterThan(30)
  const before = await remains(database, ann, 'ann%40x.org')
  expect(new Set(before.map((line) => line.split(':')[0])).size).toBeGreaterThan(20)
  const report = await runForget(database.db, ann, `asked by ${ann}`)
  expect(await remains(database, ann, 'ann%40x.org', 'Ann Lee')).toEqual([])
  expect(report.left).toEqual([])
  const again = await runForget(database.db, ann)
  expect([again.done, again.left]).toEqual([[], []])
})

it('erases what ended mail says, and keeps what is counted', async () => {
  const mail = {
    recipient_to: `"Lee, Ann" <Ann@X.org>`,
    status: 'failed',
    subject: 'Dear Ann',
    body: 'Dear Ann',
    html: '<p>Dear Ann',
    variables: '{"name": "Ann"}',
    last_error: 'Ann is unknown',
    error_class: 'recipient_unknown',
    message_id: '<1@vertex.example>',
    dedup_key: `welcome:${ann}`,
    recipients: JSON.stringify({
      'Ann@x.org': { state: 'refused', reply: 'no Ann here', error_class: 'recipient_unknown' },
    }),
    created_at: '2026-03-01',
    updated_at: '2026-03-02',
  }
  const archived = await insertArchived(database.db, { ...mail, dedup_key: `bye:${ann}` })
  const ids = [archived, await insertMail(database.db, mail)]
  for (const email_id of ids)
    await insertAttempt(database.db, { email_id, outcome: 'hard_failure', reply: '550 no Ann here' })
  const times = await Promise.all(ids.map(async (id) => (await mailOf(id)).updated_at))
  const report = await runForget(database.db, ann)
  expect(doneLines(report)).toEqual(['fleet.email_archive erased 1', 'public.email_queue erased 1'])
  for (const [index, id] of ids.entries()) {
    expect(await mailOf(id)).toMatchObject({
      ...{ recipient_to: 'erased@invalid', subject: '', body: '', html: null, variables: null, last_error: null },
      ...{ dedup_key: null, erased: true },
      ...{
        status: 'failed',
        error_class: 'recipient_unknown',
        message_id: '<1@vertex.example>',
        updated_at: times[index],
      },
      recipients: { 'erased@invalid': { state: 'refused', reply: 'erased', error_class: 'recipient_unknown' } },
    })
  }
  const attempts = await database.pool.query('SELECT outcome, reply FROM fleet.email_attempts')
  expect(attempts.rows).toEqual(Array(2).fill({ outcome: 'hard_failure', reply: null }))
})

describe('mail that waits', () => {
  it.each(['pending', 'held'])('for nobody else is cancelled: %s', async (status) => {
    const id = await insertMail(database.db, { recipient_to: ann, recipient_cc: 'ANN@x.org', status })
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.email_queue cancelled 1'])
    expect(await mailOf(id)).toMatchObject({
      status: 'cancelled',
      body: '',
      erased: true,
      recipient_cc: 'erased@invalid',
    })
  })

  it('for others, too, goes to them as it is, and is erased with a run after that', async () => {
    const recipients = JSON.stringify({ [ann]: accepted, 'cid@x.org': accepted })
    const fields = { recipient_to: `${ann}, Bob <bob@x.org>`, recipient_cc: `Ann <${ann}>`, body: 'Dear Ann and Bob' }
    const id = await insertMail(database.db, { ...fields, recipients })
    const report = await runForget(database.db, ann)
    expect(doneLines(report)).toEqual(['public.email_queue taken_out 1'])
    expect(leftLines(report)).toEqual([`public.email_queue waits ${id}`])
    expect(await mailOf(id)).toMatchObject({
      ...{ status: 'pending', recipient_to: 'erased@invalid, Bob <bob@x.org>', recipient_cc: 'erased@invalid' },
      ...{ body: 'Dear Ann and Bob', erased: false },
      recipients: { 'erased@invalid': accepted, 'cid@x.org': accepted },
    })
    await database.pool.query(`UPDATE email_queue SET status = 'sent'`)
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.email_queue erased 1'])
    expect(await mailOf(id)).toMatchObject({ recipient_to: 'erased@invalid, Bob <bob@x.org>', body: '', erased: true })
    expect(doneLines(await runForget(database.db, ann))).toEqual([])
  })

  it('and only speaks of the address is left until it has gone', async () => {
    const id = await insertMail(database.db, { recipient_to: 'bob@x.org', body: `Write to ${ann}.` })
    const other = await insertMail(database.db, { recipient_to: 'joann@x.org', body: 'ann@x.org.uk' })
    expect(leftLines(await runForget(database.db, ann))).toEqual([`public.email_queue waits ${id}`])
    expect(await mailOf(id)).toMatchObject({ status: 'pending', body: `Write to ${ann}.` })
    await database.pool.query(`UPDATE email_queue SET status = 'sent'`)
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.email_queue erased 1'])
    expect(await mailOf(id)).toMatchObject({ recipient_to: 'bob@x.org', body: '' })
    expect(await mailOf(other)).toMatchObject({ recipient_to: 'joann@x.org', body: 'ann@x.org.uk', erased: false })
  })

  it.each([
    ['sending', `now() + interval '1 minute'`],
    ['cancelled', `now() + interval '1 minute'`],
  ])('in the hands of a worker is left: %s', async (status, lease) => {
    const id = await insertMail(database.db, { recipient_to: ann })
    await database.pool.query(`UPDATE email_queue SET status = '${status}', leased_until = ${lease} WHERE id = ${id}`)
    expect(leftLines(await runForget(database.db, ann))).toEqual([`public.email_queue being_sent ${id}`])
    expect(await mailOf(id)).toMatchObject({ recipient_to: ann, body: 'Text', erased: false })
  })

  it('and is locked by another session is left', async () => {
    const id = await insertMail(database.db, { recipient_to: ann, status: 'sent' })
    const client = await database.pool.connect()
    await client.query('BEGIN; SELECT FROM email_queue FOR UPDATE')
    expect(leftLines(await runForget(database.db, ann))).toEqual([`public.email_queue locked ${id}`])
    await client.query('ROLLBACK')
    client.release()
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.email_queue erased 1'])
  })
})

describe('a notification', () => {
  async function insert(values: Record<string, unknown>): Promise<number> {
    const names = Object.keys(values)
    const { rows } = await database.pool.query<{ id: number }>(
      `INSERT INTO notifications (${names.join()}) VALUES (${names.map((_, n) => `$${n + 1}`).join()}) RETURNING id`,
      Object.values(values),
    )
    return rows[0]?.id ?? 0
  }

  async function read(id: number) {
    const { rows } = await database.pool.query(
      `SELECT status, recipient, subject, message, event_data, dedup_key, erased_at IS NOT NULL AS erased FROM notifications WHERE id = $1`,
      [id],
    )
    return rows[0]
  }

  it('that has ended keeps the name of its notice', async () => {
    const event_data = { to: ann, name: 'Ann', notice: 'lifecycle:7' }
    const id = await insert({
      type: 'email',
      status: 'sent',
      subject: 'Ann',
      message: 'Dear Ann',
      event_data,
      dedup_key: ann,
    })
    await database.pool.query(
      `INSERT INTO fleet.notification_attempts (notification_id, attempt, token, outcome, reply) VALUES ($1, 1, 1, 'sent', 'Ann')`,
      [id],
    )
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.notifications erased 1'])
    expect(await read(id)).toEqual({
      ...{
        status: 'sent',
        recipient: 'erased@invalid',
        subject: null,
        message: null,
        event_data: { notice: 'lifecycle:7' },
      },
      ...{ dedup_key: null, erased: true },
    })
    expect((await database.pool.query('SELECT reply FROM fleet.notification_attempts')).rows).toEqual([{ reply: null }])
  })

  it('that waits for nobody else is cancelled, and so is its mail', async () => {
    const waiting = await insert({ type: 'email', message: 'm', event_data: { to: ann } })
    const underWay = await insert({ type: 'email', message: 'm', event_data: { to: ann } })
    await database.pool.query(
      `UPDATE notifications SET status = 'sending', leased_until = 'infinity' WHERE id = ${underWay}`,
    )
    const mail = await insertMail(database.db, { recipient_to: ann, notification_id: underWay })
    const report = await runForget(database.db, ann)
    expect(await read(waiting)).toMatchObject({ status: 'cancelled', message: null, erased: true })
    expect(await mailOf(mail)).toMatchObject({ status: 'cancelled', body: '', erased: true })
    expect(await read(underWay)).toMatchObject({ status: 'cancelled', message: null, erased: true })
    expect(report.left).toEqual([])
  })

  it('that waits for others, too, goes to them', async () => {
    const id = await insert({ type: 'email', message: 'm', event_data: { to: `${ann}, bob@x.org` } })
    expect(doneLines(await runForget(database.db, ann))).toEqual(['public.notifications taken_out 1'])
    const to = 'erased@invalid, bob@x.org'
    expect(await read(id)).toMatchObject({ status: 'pending', recipient: to, message: 'm', event_data: { to } })
  })

  it('is not sent again', async () => {
    const id = await insert({ type: 'telegram', status: 'failed', message: ann, event_data: { chat_id: 7 } })
    await runForget(database.db, ann)
    await database.pool.query(`UPDATE notifications SET status = 'pending' WHERE id = ${id}`)
    expect(await read(id)).toMatchObject({ status: 'failed' })
  })
})

it('is found in every spelling of its domain, and its name in ASCII', async () => {
  await insertMail(database.db, { recipient_to: 'Ann@MÜNCHEN.example', status: 'sent' })
  await insertMail(database.db, { recipient_to: 'ann@xn--mnchen-3ya.example', status: 'sent' })
  await insertMail(database.db, { recipient_to: 'АННА@почта.рф', status: 'sent' })
  expect(doneLines(await runForget(database.db, 'ann@münchen.example'))).toEqual(['public.email_queue erased 2'])
  expect(doneLines(await runForget(database.db, 'анна@xn--80a1acny.xn--p1ai'))).toEqual(['public.email_queue erased 1'])
})

it('says beforehand what it would do, and writes nothing', async () => {
  await insertMail(database.db, { recipient_to: ann, status: 'sent' })
  await insertMail(database.db, { recipient_to: ann })
  const mixed = await insertMail(database.db, { recipient_to: `${ann}, bob@x.org` })
  await database.pool.query(
    `INSERT INTO audit_log (entity_type, entity_id, action, actor_email) VALUES ('x', 1, 'y', $1)`,
    [ann],
  )
  const before = await dump(database)
  const wanted = await preview(database.db, ann)
  expect(await dump(database)).toEqual(before)
  expect(doneLines(wanted)).toEqual([
    'public.audit_log masked 1',
    'public.email_queue cancelled 1',
    'public.email_queue erased 1',
    'public.email_queue taken_out 1',
  ])
  expect(leftLines(wanted)).toEqual([`public.email_queue waits ${mixed}`])
  const report = await runForget(database.db, ann)
  expect([doneLines(report), leftLines(report)]).toEqual([doneLines(wanted), leftLines(wanted)])
})

it('names what the platform holds, and leaves it', async () => {
  await database.pool.query(`
    CREATE TABLE public.newsletters (id bigint PRIMARY KEY, body text);
    INSERT INTO public.newsletters VALUES (9, '<ann@x.org>');
    INSERT INTO companies (id, name, slug, contact_email) VALUES (40, 'A', 'a', 'Ann@x.org');
    INSERT INTO clients (id, company_id, name, email, notes) VALUES (5, 40, 'Ann', 'ann@x.org', ''), (6, 40, 'B', NULL, 'see ann@x.org')`)
  const { platform, done } = await runForget(database.db, ann)
  expect(done).toEqual([])
  expect(platform).toEqual([
    { table: 'public.clients', columns: ['email', 'notes'], rows: 2, ids: [5, 6] },
    { table: 'public.companies', columns: ['contact_email'], rows: 1, ids: [40] },
    { table: 'public.newsletters', columns: ['body'], rows: 1, ids: [9] },
  ])
  const { rows } = await database.pool.query(`SELECT email FROM clients WHERE id = 5`)
  expect(rows).toEqual([{ email: ann }])
})

it('writes into the audit log who did it and why, and the address nowhere', async () => {
  await insertMail(database.db, { recipient_to: ann, status: 'sent' })
  await runForget(database.db, ann, `request 17 of ${ann}`)
  const { rows } = await database.pool.query(`SELECT action, actor_email, changes FROM audit_log ORDER BY id`)
  const { hash } = matcher(ann)
  expect(rows).toEqual([
    { action: 'forget', actor_email: 'ann@host', changes: { address: hash, reason: 'request 17 of erased@invalid' } },
    {
      action: 'forgotten',
      actor_email: 'ann@host',
      changes: {
        address: hash,
        reason: 'request 17 of erased@invalid',
        done: [{ table: 'public.email_queue', what: 'erased', rows: 1 }],
        left: [],
      },
    },
  ])
})

it('goes through large tables part by part', async () => {
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body, status)
    SELECT CASE WHEN n % 1000 = 0 THEN 'ann@x.org' ELSE 'bob@x.org' END, 's', 'b', 'sent' FROM generate_series(1, 9000) n;
    INSERT INTO audit_log (entity_type, entity_id, action, changes)
    SELECT 'x', 1, 'y', CASE WHEN n % 1000 = 0 THEN '{"to": "ann@x.org"}' ELSE '{}' END::jsonb FROM generate_series(1, 9000) n`)
  await archiveEnded(database.db)
  expect(doneLines(await runForget(database.db, ann))).toEqual([
    'fleet.email_archive erased 9',
    'public.audit_log masked 9',
  ])
  expect(await remains(database, ann)).toEqual([])
})

it('takes an address only', () =>
  expect(readAddressPattern('@x.org')).toMatchObject({ value: { localPart: undefined } }))
