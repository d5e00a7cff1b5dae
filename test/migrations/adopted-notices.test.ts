import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adoptionReport } from '../../src/db/adoption/report.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { checksums, fillPlatform } from './installation-rows.ts'
import { NotificationRows } from './notification-rows.ts'
import { platformColumns } from './platform-columns.ts'
import { installPlatform } from './platform-installation.ts'

const beforeTheQueues = '20260101001100_insert_default_data'
const withColumns = '20260305000100_add_notification_columns'
const beforeColumns = '20260304000100_create_email_attempts'

let database: TestDatabase
let notices: NotificationRows
beforeEach(async () => {
  database = await createEmptyTestDatabase()
  notices = new NotificationRows(database)
  await installPlatform(database.pool, 'in one go')
  await fillPlatform(database.pool)
})
afterEach(() => database.drop())

describe('notices that wait when the fleet comes', () => {
  test('are held, but those in the application are there already', async () => {
    await migrateUp(database.db)
    // Rows 4 and later: those before are of the table's filling.
    expect(await statuses()).toEqual([
      'email held: adopted, prio 5',
      'telegram held: adopted, prio 1',
      'sms held: adopted, prio 5',
      'email held: adopted, prio 7',
      'push held: adopted, prio 5',
      'system sent',
      'system sent',
      'email sent',
      'system failed',
      'email cancelled',
      'email held',
      'email expired',
      'email skipped',
      'email queued',
    ])
  })

  test('keep everything else that the platform wrote', async () => {
    const columns = platformColumns.filter(({ table, column }) => table === 'notifications' && column !== 'status')
    const rows = `SELECT ${columns.map(({ column }) => column).join(', ')} FROM notifications ORDER BY id`
    const before = (await database.pool.query(rows)).rows
    await migrateUp(database.db)
    expect((await database.pool.query(rows)).rows).toEqual(before)
  })

  test('are reported', async () => {
    await migrateUp(database.db)
    const report = await adoptionReport(database.db)
    const object = 'notices notifications'
    expect(report?.notes.filter((note) => note.object === object)).toEqual([
      {
        object,
        isChanged: true,
        change: '6 waiting, held with error_class adopted: replay or cancel them',
        at: expect.any(Date),
      },
      { object, isChanged: true, change: '2 in the application, which count as sent', at: expect.any(Date) },
    ])
  })

  test('count as changed when they were written; when the others changed nobody knows, and it is not now', async () => {
    await database.pool.query(`UPDATE notifications SET created_at = '2020-01-02 03:04'`)
    await migrateUp(database.db)
    const { rows } = await database.pool.query(`
      SELECT (changed_at AT TIME ZONE 'UTC')::text AS changed, array_agg(DISTINCT status::text ORDER BY status::text) AS statuses
        FROM notifications WHERE id > 3 GROUP BY 1 ORDER BY 1`)
    expect(rows).toEqual([
      {
        changed: '1970-01-01 00:00:00',
        statuses: ['cancelled', 'expired', 'failed', 'held', 'queued', 'sent', 'skipped'],
      },
      { changed: '2020-01-02 03:04:00', statuses: ['held', 'sent'] },
    ])
  })

  test('wake nobody, and ask for no other channel', async () => {
    await migrateUp(database.db)
    const { rows } = await database.pool.query(`
      SELECT id FROM notifications WHERE needs_fallback OR (status = 'pending' AND due_at <= now())`)
    expect(rows).toEqual([])
  })

  test('are stamped when they are replayed, or skipped where there is no such channel', async () => {
    await migrateUp(database.db)
    await database.pool.query(`UPDATE notifications SET event_data = '{"to": "ann@x.example"}' WHERE id = 4`)
    await database.pool.query(`UPDATE notifications SET status = 'pending' WHERE error_class = 'adopted' AND id > 3`)
    expect(await notices.statuses([4, 5, 6, 7, 8])).toEqual(['pending', 'pending', 'pending', 'pending', 'skipped'])
    expect(await notices.read(4)).toMatchObject({ recipient: 'ann@x.example', attempts: 0, due_at: expect.any(Date) })
    expect((await notices.read(8)).last_error).toMatch(/^There is no channel "push"/)
  })

  test('have their status back after down, unless somebody decided about them meanwhile', async () => {
    const before = await platformStatuses()
    await migrateUp(database.db)
    await database.pool.query(`
      UPDATE notifications SET status = 'pending' WHERE id IN (4, 5);
      UPDATE notifications SET status = 'sent' WHERE id = 4;
      UPDATE notifications SET status = 'cancelled' WHERE id = 6`)
    await migrateTo(database.db, beforeTheQueues)
    // The platform knows no cancelled notices.
    expect(await platformStatuses()).toEqual({ ...before, 4: 'sent', 6: 'failed' })
  })

  test('and nothing is different after up, down and up again', async () => {
    await migrateUp(database.db)
    const before = { rows: await checksums(database.pool), statuses: await statuses() }
    await migrateTo(database.db, beforeTheQueues)
    await migrateUp(database.db)
    expect({ rows: await checksums(database.pool), statuses: await statuses() }).toEqual(before)
  })
})

describe('what the platform writes while the migrations run', () => {
  test('is sent, though it came before the triggers', async () => {
    await migrateTo(database.db, withColumns)
    const id = await notices.insert({ type: 'email', priority: 'high', event_data: { to: 'ann@x.example' } })
    await migrateUp(database.db)
    expect(await notices.read(id)).toMatchObject({
      status: 'pending',
      prio: 3,
      recipient: 'ann@x.example',
      due_at: expect.any(Date),
    })
  })

  test('waits for its time, or is skipped where there is no such channel', async () => {
    await migrateTo(database.db, withColumns)
    const later = await notices.insert({ type: 'sms', scheduled_at: '2999-01-01' })
    const unknown = await notices.insert({ type: 'push' })
    await migrateUp(database.db)
    expect(await notices.read(later)).toMatchObject({ status: 'pending', due_at: new Date('2999-01-01T00:00:00Z') })
    expect(await notices.read(unknown)).toMatchObject({ status: 'skipped', error_class: 'unknown_channel' })
  })

  test('is sent, though it came before the triggers: mail, at its time', async () => {
    await migrateTo(database.db, '20260201000150_index_email_queue')
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, priority, scheduled_at)
      VALUES ('a@x.example', 's', 'b', 99, NULL), ('b@x.example', 's', 'b', 2, '2999-01-01')`)
    await migrateUp(database.db)
    const { rows } = await database.pool.query(`
      SELECT status, prio, due_at <= now() AS due FROM email_queue WHERE recipient_to LIKE '_@x.example' ORDER BY id`)
    expect(rows).toEqual([
      { status: 'pending', prio: 10, due: true },
      { status: 'pending', prio: 2, due: false },
    ])
  })
})

test('words that only the fleet knows become ones that every program does', async () => {
  await migrateUp(database.db)
  const ids: number[] = []
  for (const status of ['pending', 'sending', 'sent', 'failed', 'skipped', 'held', 'cancelled', 'expired']) {
    ids.push(await notices.insert({ type: 'email', status }))
  }
  await migrateTo(database.db, beforeColumns)
  expect(await notices.statuses(ids)).toEqual([
    'pending',
    'pending',
    'sent',
    'failed',
    'failed',
    'failed',
    'failed',
    'failed',
  ])
})

async function statuses(): Promise<string[]> {
  const rows = await database.db
    .selectFrom('notifications')
    .select(['type', 'status', 'error_class', 'prio'])
    .where('id', '>', 3)
    .orderBy('id')
    .execute()
  return rows.map(({ type, status, error_class, prio }) =>
    error_class === null ? `${type} ${status}` : `${type} ${status}: ${error_class}, prio ${prio}`,
  )
}

async function platformStatuses(): Promise<Record<number, string | null>> {
  const { rows } = await database.pool.query<{ id: number; status: string | null }>(
    'SELECT id, status FROM notifications',
  )
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]))
}
