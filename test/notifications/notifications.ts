import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestDrains, type TestDrainsOptions } from '../support/notification-drains.ts'

/** What the tests of notifications share: a database, empty of them before each test, and company 1, which can be reached by every channel. */
export function setNotifications() {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await database.pool.query(`
      UPDATE companies SET contact_email = 'office@acme.example', telegram_chat_id = '7001', contact_phone = '+79120000000'
       WHERE id = 1`)
  })
  afterAll(() => database.drop())
  beforeEach(() =>
    sql`TRUNCATE notifications, email_queue, fleet.notification_attempts, fleet.notification_handovers RESTART IDENTITY`.execute(
      database.db,
    ),
  )

  return {
    get database() {
      return database
    },
    /** Stopped when the test ends. */
    start(options?: TestDrainsOptions) {
      const drains = createTestDrains(database, options)
      onTestFinished(() => drains.stop())
      drains.start()
      drains.wake()
      return drains
    },
    /** In one statement; of company 1, by Telegram, unless said otherwise. */
    async insert(...rows: Record<string, unknown>[]): Promise<void> {
      const values = rows.map((row) => ({ company_id: 1, type: 'telegram', subject: 'S', message: 'M', ...row }))
      await database.pool.query(
        `INSERT INTO notifications
                (company_id, type, priority, subject, message, event_data, group_id, scheduled_at, not_after)
         SELECT company_id, type, coalesce(priority, 'normal'), subject, message, coalesce(event_data, '{}'), group_id,
                scheduled_at, not_after
           FROM jsonb_to_recordset($1)
                AS r(company_id int, type text, priority text, subject text, message text, event_data jsonb, group_id text,
                     scheduled_at timestamp, not_after timestamp)`,
        [JSON.stringify(values)],
      )
    },
    async query(text: string): Promise<Record<string, unknown>[]> {
      return (await database.pool.query(text)).rows
    },
    rows: () => database.db.selectFrom('notifications').selectAll().orderBy('id').execute(),
    mails: () => database.db.selectFrom('email_queue').selectAll().orderBy('notification_id').execute(),
    async statuses(): Promise<(string | null)[]> {
      const rows = await database.db.selectFrom('notifications').select('status').orderBy('id').execute()
      return rows.map(({ status }) => status)
    },
  }
}
