import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertArchived, insertMail } from '../ops/mails.ts'
import { insertDigest, insertNotice, insertNoticeAttempt } from '../ops/notifications/notices.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
  await database.pool.query(`UPDATE companies SET name = 'Museum', slug = 'museum' WHERE id = 1`)
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() =>
  database.pool.query(`
    TRUNCATE notifications, email_queue, fleet.email_archive, fleet.notification_attempts, fleet.notification_handovers
    RESTART IDENTITY`),
)

const changed = (minute: number) => new Date(Date.UTC(2026, 10, 20, 10, minute))

describe('fleet notification list', () => {
  it('shows a line for each notification, uncut and with exact times where no terminal is', async () => {
    const notice = { company_id: 1, notification_type: 'expired', priority: 'urgent', changed_at: changed(1) }
    await insertNotice(database.db, {
      ...notice,
      ...{ status: 'failed', attempts: 3, error_class: 'blocked', last_error: 'Forbidden: bot was blocked' },
    })
    await insertNotice(database.db, { type: 'system', subject: null, message: 'One\ntwo', changed_at: changed(0) })
    const { code, stdout, stderr } = await fleet.run(['notification', 'list'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [head, first, second] = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
    expect(head).toEqual([
      'ID',
      'STATUS',
      'CHANNEL',
      'PRIO',
      'TO',
      'SUBJECT',
      'TYPE',
      'COMPANY',
      'TRIES',
      'WHEN',
      'ERROR',
    ])
    expect(first).toEqual([
      ...['1', 'failed', 'telegram', 'urgent', '77', 'Hello', 'expired', 'Museum', '3/3', '2026-11-20T10:01:00.000Z'],
      'blocked: Forbidden: bot was blocked',
    ])
    expect(second?.slice(0, 9)).toEqual(['2', 'pending', 'system', 'normal', '-', 'One two', '-', '-', '0/3'])
  })

  it('answers everything a program may want', async () => {
    await insertNotice(database.db, { status: 'held', company_id: 1, group_id: 'g', changed_at: changed(5) })
    const { document } = await fleet.json(['notification', 'list'])
    const nothing = {
      type: null,
      notAfter: null,
      sentAt: null,
      erasedAt: null,
      readAt: null,
      errorClass: null,
      lastError: null,
    }
    expect(document).toEqual({
      notifications: [
        {
          ...{
            id: 1,
            status: 'held',
            channel: 'telegram',
            priority: 'normal',
            to: '77',
            companyId: 1,
            company: 'Museum',
          },
          ...{ group: 'g', subject: 'Hello', attempts: 0, maxAttempts: 3, changedAt: '2026-11-20T10:05:00.000Z' },
          ...{ enqueuedAt: expect.stringMatching(/^2.*Z$/), dueAt: expect.stringMatching(/^2.*Z$/) },
          ...{ fallbackOf: null, digestOf: null, digestSize: null, ...nothing },
        },
      ],
    })
  })

  it('combines its filters', async () => {
    const wanted = { company_id: 1, notification_type: 'expired', group_id: 'g', priority: 'low', status: 'failed' }
    const id = await insertNotice(database.db, { ...wanted, error_class: 'blocked', changed_at: changed(30) })
    await insertNotice(database.db, { ...wanted, error_class: 'blocked', changed_at: changed(31) })
    await insertNotice(database.db, { ...wanted, error_class: 'gone', changed_at: changed(30) })
    const { document } = await fleet.json([
      ...['notification', 'list', '--status', 'failed,held', '--channel', 'sms', '--channel', 'telegram'],
      ...['--company', 'museum', '--type', 'expired', '--group', 'g', '--to', '77', '--priority', 'low,high'],
      ...[
        '--error-class',
        'blocked',
        '--since',
        '2026-11-20 13:30+03:00',
        '--until',
        '2026-11-20T10:31',
        '--limit',
        '5',
      ],
    ])
    expect(document).toMatchObject({ notifications: [{ id }] })
    expect((document as { notifications: unknown[] }).notifications).toHaveLength(1)
  })

  it('shows 20 unless told otherwise, and says that there are more', async () => {
    await database.pool.query(
      `INSERT INTO notifications (type, company_id, message) SELECT 'system', 1, 'm' FROM generate_series(1, 21)`,
    )
    const { stdout, stderr } = await fleet.run(['notification', 'list', '--json'])
    expect(JSON.parse(stdout).notifications).toHaveLength(20)
    expect(stderr).toBe('Only the latest 20 notifications; --limit shows more.\n')
  })

  it.each([
    [['--channel', 'pigeon'], 2, /Expected email, telegram, sms or system\./],
    [['--priority', '1'], 2, /Expected urgent, high, normal or low\./],
    [['--company', 'zoo'], 1, /no company has the id, slug or name "zoo"/],
  ])('%j ends with %i', async (args, status, reason) => {
    const { code, stderr } = await fleet.run(['notification', 'list', ...args])
    expect(code).toBe(status)
    expect(stderr).toMatch(reason)
  })
})

describe('fleet notification show', () => {
  const show = async (id: number, ...args: string[]) =>
    (await fleet.run(['notification', 'show', String(id), ...args])).stdout

  it('tells everything about a notification but what it says', async () => {
    const id = await insertNotice(database.db, {
      ...{
        company_id: 1,
        notification_type: 'expired',
        priority: 'high',
        group_id: 'g',
        message: 'A secret',
        source: 'sweep',
      },
      ...{
        status: 'failed',
        attempts: 1,
        dedup_key: 'k',
        when_ambiguous: 'hold',
        parts: '{"sent": [{"message_id": 5, "text": "x"}]}',
      },
      ...{
        error_class: 'blocked',
        last_error: 'Forbidden: bot was blocked',
        event_data: '{"chat_id": 77, "order": 1}',
      },
    })
    await database.pool.query(`
      INSERT INTO fleet.telegram_chats (chat_id, unreachable_since, unreachable_class, unreachable_reason)
      VALUES ('77', '2026-11-20 10:00Z', 'bot_blocked', 'Forbidden: bot was blocked by the user')`)
    const text = await show(id)
    for (const fact of [
      /^Notification 1 {2}failed\n/,
      /\nChannel +telegram\n/,
      /\nTo +77\n/,
      /\nCompany +Museum \(1\)\n/,
      /\nType +expired\n/,
      /\nSubject +Hello\n/,
      /\nEvent data +chat_id, order\n/,
      /\nSize +message 8 bytes\n/,
      /\nPriority +high\n/,
      /\nGroup +g\n/,
      /\nSource +sweep\n/,
      /\nDedup key +k\n/,
      /\nAttempts +1 of 3\n/,
      /\nDelivered +1 part\n/,
      /\nUnreachable +since 2026-11-20 10:00:00 UTC \(.*\): Forbidden: bot was blocked by the user\n/,
      /\nWhen ambiguous +hold\n/,
      /\nError class +blocked\n/,
      /\nLast error +Forbidden: bot was blocked\n/,
    ]) {
      expect(text).toMatch(fact)
    }
    expect(text).not.toContain('A secret')
  })

  it('tells that, too, with --body', async () => {
    const id = await insertNotice(database.db, { message: 'Line 1\nLine 2', event_data: '{"name":"Ann"}' })
    expect(await show(id, '--body')).toMatch(/\nEvent data\n\{\n {2}"name": "Ann"\n\}\n\nMessage\nLine 1\nLine 2\n$/)
    expect(await fleet.json(['notification', 'show', String(id), '--body'])).toMatchObject({
      code: 0,
      document: { id, to: null, body: { message: 'Line 1\nLine 2', eventData: { name: 'Ann' } } },
    })
    expect(await show(id)).toMatch(/\nTo +nobody: neither event_data nor a contact of its company says whom\n/)
  })

  it('names what it stands in for, what stands in for it, and what it goes out with', async () => {
    const first = await insertNotice(database.db, { status: 'failed' })
    const [second, third] = await insertDigest(database.db, 2, { type: 'email', status: 'sent', fallback_of: first })
    expect(await show(first)).toMatch(/\nRELATION +ID +STATUS +CHANNEL +SUBJECT\nin its stead +2 +sent +email +Hello\n/)
    expect(await show(second)).toMatch(
      /\nstands in for +1 +failed +telegram +Hello\ntells, too +3 +sent +email +Hello\n/,
    )
    expect(await show(third ?? 0)).toMatch(/\ngoes out with +2 +sent +email +Hello\n/)
    const { document } = await fleet.json(['notification', 'show', String(second)])
    expect(document).toMatchObject({
      fallbackOf: first,
      fallbackFrom: { id: first, channel: 'telegram', status: 'failed', subject: 'Hello' },
      fallbacks: [],
      digest: null,
      digestSize: 2,
      members: [{ id: third }],
    })
  })

  it('names its mail, in the queue or the archive', async () => {
    const waiting = await insertNotice(database.db, { type: 'email' })
    const mail = await insertMail(database.db, { notification_id: waiting, dedup_key: `n:${waiting}` })
    expect(await show(waiting)).toContain(`${mail} (pending): fleet email show ${mail}\n`)
    const sent = await insertNotice(database.db, { type: 'email', status: 'sent' })
    const archived = await insertArchived(database.db, {
      ...{ status: 'sent', notification_id: sent, dedup_key: `n:${sent}` },
    })
    const { document } = await fleet.json(['notification', 'show', String(sent)])
    expect(document).toMatchObject({ mail: { id: archived, status: 'sent' } })
  })

  it('lists its attempts, and tells what may have arrived at this moment', async () => {
    const id = await insertNotice(database.db, { status: 'sending', claim_token: '9', claimed_by: 'w@host' })
    await database.pool.query(`INSERT INTO fleet.notification_handovers VALUES (9, '2026-11-20 10:00:00Z')`)
    const failed = { outcome: 'hard_failure', error_class: 'phone_invalid', code: 400, provider_code: '21211' }
    await insertNoticeAttempt(database.db, {
      ...{ notification_id: id, ...failed, reply: 'is not a valid phone number', worker: 'w@host', duration_ms: 1_234 },
      ...{ transport: 'api.twilio.com', claimed_at: changed(1), handed_over_at: changed(2), ended_at: changed(3) },
    })
    const text = await show(id)
    expect(text).toMatch(
      /\nHanded over +2026-11-20 10:00:00 UTC \(.*\): it may have arrived, the answer is not known yet\n/,
    )
    expect(text.trimEnd().split('\n').at(-1)?.trim().split(/ {2,}/)).toEqual([
      ...['1', '2026-11-20T10:01:00.000Z', '2026-11-20T10:02:00.000Z', '2026-11-20T10:03:00.000Z', '1,234'],
      ...['hard_failure: phone_invalid', '400 21211 is not a valid phone number', 'w@host', 'api.twilio.com'],
    ])
    const { document } = await fleet.json(['notification', 'show', String(id)])
    expect(document).toMatchObject({
      handedOverAt: '2026-11-20T10:00:00.000Z',
      history: [{ attempt: 1, code: 400, providerCode: '21211', durationMs: 1_234 }],
    })
  })

  it('ends with 1 where no notification has that id', async () => {
    expect(await fleet.json(['notification', 'show', '77'])).toEqual({
      code: 1,
      document: {
        error: {
          code: 'NOTIFICATION_UNKNOWN',
          message: 'no notification has the id 77',
          hint: 'fleet notification list shows the latest ones',
        },
      },
    })
  })
})

it('shows one that is never due', async () => {
  await database.pool.query(
    `INSERT INTO notifications (type, scheduled_at, not_after) VALUES ('sms', 'infinity', 'infinity')`,
  )
  const [list, show] = [await fleet.run(['notification', 'list']), await fleet.run(['notification', 'show', '1'])]
  expect([list.code, list.stdout]).toEqual([0, expect.stringContaining(' infinity')])
  expect([show.code, show.stdout]).toEqual([0, expect.stringMatching(/Not after +infinity\n/)])
})
