import { hostname } from 'node:os'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertDigest, insertNotice, noticeStatuses } from '../ops/notifications/notices.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE notifications, audit_log RESTART IDENTITY'))

const anHourAgo = new Date(Date.now() - 3_600_000)

describe('fleet notification replay', () => {
  it('replays what is named by its id without asking, and says what it left alone', async () => {
    const failed = await insertNotice(database.db, { status: 'failed' })
    const sent = await insertNotice(database.db, { status: 'sent' })
    const unknown = await insertNotice(database.db, { type: 'pigeon' })
    const late = await insertNotice(database.db, { status: 'expired', not_after: anHourAgo })
    const { code, stdout, stderr } = await fleet.run([
      'notification',
      'replay',
      '--id',
      [failed, sent, unknown, late].join(),
    ])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout:
        'Replayed 1 notification (1 failed).\n' +
        'Skipped 1 notification (2): sent, from which there is no replay.\n' +
        'Skipped 1 notification (3): there is no channel of that type.\n' +
        'Skipped 1 notification (4): not_after has passed, so a worker would only let it expire.\n',
      stderr: '',
    })
    expect(await noticeStatuses(database.db, failed, sent)).toEqual(['pending', 'sent'])
  })

  it('says that a digest goes as a whole', async () => {
    const ids = await insertDigest(database.db, 3, { status: 'failed' })
    const { stdout } = await fleet.run(['notification', 'replay', '--id', String(ids[1])])
    expect(stdout).toBe('Replayed 1 notification (1 failed) and 2 that go out with it.\n')
    expect(await noticeStatuses(database.db, ...ids)).toEqual(['pending', 'pending', 'pending'])
  })

  it('tells with --dry-run what it would do, and does nothing', async () => {
    const id = await insertNotice(database.db, { status: 'skipped', group_id: 'g', subject: null })
    const args = ['notification', 'replay', '--group', 'g', '--dry-run']
    const { code, stdout } = await fleet.run(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Would replay 1 notification \(1 skipped\)\.\n\nAll of them:\nID +TO +SUBJECT\n 1 +77 +Text\n/,
    )
    expect(await fleet.json(args)).toEqual({
      code: 0,
      document: {
        ...{ action: 'replay', dryRun: true, count: 1, byStatus: { skipped: 1 }, members: 0, ambiguous: 0 },
        examples: [{ id, to: '77', subject: 'Text' }],
        skipped: [],
      },
    })
    expect(await noticeStatuses(database.db, id)).toEqual(['skipped'])
  })

  it('replays by filters with --yes, and writes down who did', async () => {
    for (const type of ['telegram', 'telegram', 'sms']) await insertNotice(database.db, { type, status: 'failed' })
    const args = ['notification', 'replay', '--channel', 'telegram', '--company', '1', '--since', '2h', '--yes']
    expect(await fleet.run(args)).toMatchObject({ code: 0, stdout: 'Replayed 0 notifications.\n' })
    await database.pool.query('UPDATE notifications SET company_id = 1')
    const { code, stdout } = await fleet.run(args, { env: { SUDO_USER: 'carl', USER: 'root' } })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Replayed 2 notifications (2 failed).\n' })
    expect(await database.db.selectFrom('audit_log').selectAll().orderBy('id', 'desc').execute()).toMatchObject([
      {
        ...{ actor_email: `carl@${hostname()}`, action: 'replay', entity_type: 'notifications', entity_id: 0 },
        changes: { filter: { channels: ['telegram'], companyId: 1, since: expect.any(String) }, count: 2 },
      },
      { changes: { count: 0 } },
    ])
  })

  it('ends with 1 where an id is unknown', async () => {
    expect(await fleet.json(['notification', 'replay', '--id', '77'])).toMatchObject({
      code: 1,
      document: { error: { code: 'NOTIFICATION_UNKNOWN', message: 'no notification has the id 77' } },
    })
  })

  it.each([
    ['without a filter', [], /say which notifications to replay\n.*fleet notification replay --help/],
    ['of another status', ['--status', 'sent'], /Expected failed, held, cancelled, expired or skipped\./],
    ['of several without a word', ['--status', 'failed'], /this may change more than one notification, .*\n.*--yes/],
  ])('is wrong usage %s', async (_, args, reason) => {
    const { code, stderr } = await fleet.run(['notification', 'replay', ...args])
    expect(code).toBe(2)
    expect(stderr).toMatch(reason)
  })
})

it('fleet notification release sends held ones after all, and warns of what may arrive twice', async () => {
  const held = await insertNotice(database.db, { status: 'held', error_class: 'answer_lost' })
  const failed = await insertNotice(database.db, { status: 'failed' })
  const { code, stdout } = await fleet.run(['notification', 'release', '--id', `${held},${failed}`])
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout:
      'Released 1 notification (1 held).\nIt may have arrived already, and may then arrive twice.\n' +
      `Skipped 1 notification (${failed}): failed, from which there is no release.\n`,
  })
})

it('fleet notification cancel takes out what waits, and warns of what is being sent', async () => {
  const waiting = await insertNotice(database.db)
  const sending = await insertNotice(database.db, { status: 'sending' })
  const other = await insertNotice(database.db, { event_data: '{"chat_id": 78}' })
  const { code, stdout } = await fleet.run(['notification', 'cancel', '--to', '77', '--yes'])
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^Cancelled 2 notifications \((1 pending, 1 sending|1 sending, 1 pending)\)\.\nThose that were being sent may be out already\.\n$/,
  )
  expect(await noticeStatuses(database.db, waiting, sending, other)).toEqual(['cancelled', 'cancelled', 'pending'])
})
