import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { tellStorage, withdrawStorageNotices } from '../../src/usage/storage-notice.ts'
import { maintenanceOf, setClock } from '../maintenance/maintenance.ts'
import type { TestDatabase } from '../support/database.ts'
import { type Stage, setStage } from './usage.ts'

let stage: Stage
let database: TestDatabase
beforeEach(async () => {
  stage = await setStage()
  database = stage.database
  // 15:00 in Moscow.
  await setClock(database, '2026-11-24 12:00:00')
  await database.pool.query(
    `UPDATE companies SET contact_email = 'acme@example.com', storage_quota_gb = 10 WHERE id = 900`,
  )
})
afterEach(() => stage.end())

const maintenance = () => ({ ...maintenanceOf(database), db: stage.worker.db })
const tell = () =>
  tellStorage(maintenance(), {
    hours: { opens: '09:00', closes: '20:00' },
    defaultLocale: 'ru',
    defaultTimeZone: 'Europe/Moscow',
  })

const gb = 1_073_741_824
/** Company 900 uses so many percent of its 10 GB. */
const use = (percent: number) =>
  database.pool.query('UPDATE companies SET storage_used_bytes = $1 WHERE id = 900', [
    Math.ceil((10 * gb * percent) / 100),
  ])

/** What has been written for company 900: percent, channel and status. */
async function notices(): Promise<string[]> {
  const { rows } = await database.pool.query<{ line: string }>(`
    SELECT concat_ws(' ', event_data ->> 'percent', type, status) AS line FROM notifications WHERE company_id = 900 ORDER BY id`)
  return rows.map(({ line }) => line)
}

async function tellAt(percent: number): Promise<number> {
  await use(percent)
  return (await tell()).told
}

describe('a company is told', () => {
  test.each([
    [0, []],
    [79.999, []],
    [80, ['80 email pending']],
    [94.999, ['80 email pending']],
    [95, ['95 email pending']],
    [99.999, ['95 email pending']],
    [100, ['100 email pending']],
    [250, ['100 email pending']],
  ])('at %d %% of the highest share that it has reached: %j', async (percent, expected) => {
    await tellAt(percent)
    expect(await notices()).toEqual(expected)
  })

  test('once a crossing, however often it is asked for', async () => {
    expect(await tellAt(80)).toBe(1)
    for (const percent of [80, 85, 94, 81]) expect(await tellAt(percent)).toBe(0)
    expect(await tellAt(95)).toBe(1)
    expect(await tellAt(100)).toBe(1)
    expect(await tellAt(140)).toBe(0)
    expect(await notices()).toEqual(['80 email cancelled', '95 email cancelled', '100 email pending'])
  })

  test('anew when it has been below, and of no lower share on the way down', async () => {
    expect(await tellAt(100)).toBe(1)
    expect(await tellAt(97)).toBe(0)
    expect(await tellAt(100)).toBe(1)
    expect(await tellAt(85)).toBe(0)
    expect(await tellAt(96)).toBe(1)
    expect(await tellAt(10)).toBe(0)
    expect(await tellAt(80)).toBe(1)
    expect(await notices()).toEqual([
      '100 email cancelled',
      '100 email cancelled',
      '95 email cancelled',
      '80 email pending',
    ])
  })

  test('once, whoever asks at once', async () => {
    await use(95)
    const told = await Promise.all(Array.from({ length: 5 }, tell))
    expect(told.reduce((sum, one) => sum + one.told, 0)).toBe(1)
    expect(await notices()).toEqual(['95 email pending'])
  })

  test('not at all when its record cannot be kept, and later when it can', async () => {
    await use(95)
    await database.pool.query('ALTER TABLE notifications ADD CONSTRAINT no CHECK (source IS NULL) NOT VALID')
    await expect(tell()).rejects.toThrow('violates check constraint')
    expect((await database.pool.query('SELECT FROM fleet.storage_notices')).rowCount).toBe(0)
    await database.pool.query('ALTER TABLE notifications DROP CONSTRAINT no')
    expect((await tell()).told).toBe(1)
  })
})

describe('a waiting notice', () => {
  test('is cancelled when the company falls below; one that has gone out is not', async () => {
    await tellAt(80)
    await database.pool.query(`UPDATE notifications SET status = 'sent'`)
    await tellAt(95)
    await use(90)
    expect(await withdrawStorageNotices(maintenance())).toBe(1)
    expect(await withdrawStorageNotices(maintenance())).toBe(0)
    expect(await notices()).toEqual(['80 email sent', '95 email cancelled'])
  })

  test('is cancelled with the mail that it has become', async () => {
    await tellAt(80)
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, notification_id)
      SELECT 'acme@example.com', 's', 'b', id FROM notifications;
      UPDATE notifications SET status = 'sending', leased_until = 'infinity'`)
    await use(70)
    await withdrawStorageNotices(maintenance())
    expect(await notices()).toEqual(['80 email cancelled'])
    expect((await database.pool.query('SELECT status FROM email_queue')).rows).toEqual([{ status: 'cancelled' }])
  })

  test('that has failed is not tried on another channel any more', async () => {
    await tellAt(80)
    await database.pool.query(`UPDATE notifications SET status = 'failed'`)
    await use(70)
    await withdrawStorageNotices(maintenance())
    const { rows } = await database.pool.query('SELECT status, needs_fallback FROM notifications')
    expect(rows).toEqual([{ status: 'failed', needs_fallback: false }])
  })

  test.each(['NULL', '0', '-1', '100'])('is cancelled when the quota becomes %s', async (quota) => {
    await tellAt(100)
    await database.pool.query(`UPDATE companies SET storage_quota_gb = ${quota}`)
    expect(await tell()).toEqual({ told: 0, withdrawn: 3 })
    expect(await notices()).toEqual(['100 email cancelled'])
  })
})

test.each([
  'storage_quota_gb = NULL',
  'storage_quota_gb = 0',
  'storage_quota_gb = -5',
  'storage_used_bytes = NULL',
  'is_active = false',
])('nobody is told where %s', async (change) => {
  await use(100)
  await database.pool.query(`UPDATE companies SET ${change} WHERE id = 900`)
  expect(await tell()).toEqual({ told: 0, withdrawn: 0 })
})

test('a company that is not active is left as it is, and one without the word is active', async () => {
  await tellAt(80)
  await database.pool.query('UPDATE companies SET is_active = false WHERE id = 900')
  await use(10)
  expect(await tell()).toEqual({ told: 0, withdrawn: 0 })
  await database.pool.query('UPDATE companies SET is_active = NULL WHERE id = 900')
  expect(await tell()).toEqual({ told: 0, withdrawn: 1 })
})

test('the largest quota and the largest use are no error', async () => {
  await database.pool.query(
    `UPDATE companies SET storage_quota_gb = 2147483647, storage_used_bytes = 9223372036854775807 WHERE id = 900`,
  )
  expect((await tell()).told).toBe(1)
  expect(await notices()).toEqual(['100 email pending'])
})

describe('a notice goes', () => {
  test('by each way there is to the company, as one notice', async () => {
    await database.pool.query(`UPDATE companies SET telegram_chat_id = ' 77 ' WHERE id = 900`)
    await tellAt(80)
    const { rows } = await database.pool.query(`
      SELECT type, recipient, notification_type, source, event_data ->> 'notice' = (
               SELECT 'storage:' || id FROM fleet.storage_notices WHERE is_told) AS is_same
        FROM notifications ORDER BY id`)
    const told = { notification_type: 'storage_quota', source: 'fleet', is_same: true }
    expect(rows).toEqual([
      { type: 'email', recipient: 'acme@example.com', ...told },
      { type: 'telegram', recipient: '77', ...told },
    ])
  })

  test.each([
    [`contact_email = ' ', telegram_chat_id = '77'`, ['80 telegram pending']],
    // Skipped by the worker, with the reason, and in the administrator's digest.
    ['contact_email = NULL, telegram_chat_id = NULL', ['80 email pending']],
  ])('by what there is: %s', async (contacts, expected) => {
    await database.pool.query(`UPDATE companies SET ${contacts} WHERE id = 900`)
    await tellAt(80)
    expect(await notices()).toEqual(expected)
  })

  test.each([
    ['Europe/Moscow', '2026-11-24 12:00:00', null],
    [null, '2026-11-24 12:00:00', null],
    ['Europe/Moscow', '2026-11-24 03:30:00', '2026-11-24 06:00:00'],
    ['Europe/Moscow', '2026-11-24 17:00:00', '2026-11-25 06:00:00'],
    ['Asia/Vladivostok', '2026-11-24 12:00:00', '2026-11-24 23:00:00'],
    ['Nowhere/Else', '2026-11-24 03:30:00', '2026-11-24 06:00:00'],
  ])('at the next opening in %s: at %s it waits until %s', async (timezone, now, expected) => {
    await setClock(database, now)
    await database.pool.query('UPDATE companies SET timezone = $1 WHERE id = 900', [timezone])
    await tellAt(80)
    const { rows } = await database.pool.query('SELECT scheduled_at::text FROM notifications')
    expect(rows).toEqual([{ scheduled_at: expected }])
  })

  test.each([
    [
      82.57,
      null,
      'Хранилище заполнено на 82\u00A0%',
      'Acme &amp; Co: занято <b>8,2\u00A0ГБ</b> из 10\u00A0ГБ, свободно 1,7\u00A0ГБ.',
    ],
    [
      82.57,
      'en_US',
      'Storage is 82% full',
      'Acme &amp; Co: <b>8.2\u00A0GB</b> of 10\u00A0GB are used, 1.7\u00A0GB are free.',
    ],
    [
      99.999,
      'en',
      'Storage is 99% full',
      'Acme &amp; Co: <b>9.9\u00A0GB</b> of 10\u00A0GB are used, 104.8\u00A0KB are free.',
    ],
    [100, 'fr', 'Место в хранилище закончилось', 'Acme &amp; Co: занято <b>10\u00A0ГБ</b> из 10\u00A0ГБ.'],
    [104, 'en', 'Storage is full', 'Acme &amp; Co: <b>10.4\u00A0GB</b> of 10\u00A0GB are used.'],
  ])('with its words: %d %% in %s', async (percent, locale, subject, firstLine) => {
    await database.pool.query(`UPDATE companies SET name = 'Acme & Co', locale = $1 WHERE id = 900`, [locale])
    await tellAt(percent)
    const { rows } = await database.pool.query('SELECT subject, message FROM notifications')
    expect(rows[0].subject).toBe(subject)
    expect(rows[0].message.split('\n')[0]).toBe(firstLine)
  })
})

test('a company that the platform is changing holds up no other', async () => {
  await use(80)
  await database.pool.query(
    `INSERT INTO companies (id, name, slug, storage_quota_gb, storage_used_bytes) VALUES (901, 'B', 'b', 1, ${gb})`,
  )
  const platform = new pg.Client(database.url)
  await platform.connect()
  await platform.query('BEGIN; UPDATE companies SET storage_used_bytes = 0 WHERE id = 900')
  expect((await tell()).told).toBe(2)
  await platform.query('COMMIT')
  await platform.end()
  expect(await withdrawStorageNotices(maintenance())).toBe(1)
})

test('what a company was told keeps nobody from deleting it, and what waits is cancelled', async () => {
  await tellAt(80)
  await database.pool.query(`UPDATE notifications SET status = 'sent'`)
  await tellAt(95)
  await database.pool.query('DELETE FROM companies WHERE id = 900')
  const { rows } = await database.pool.query('SELECT company_id, status FROM notifications ORDER BY id')
  expect(rows).toEqual([
    { company_id: null, status: 'sent' },
    { company_id: null, status: 'cancelled' },
  ])
  expect((await database.pool.query('SELECT FROM fleet.storage_notices')).rowCount).toBe(0)
})
