import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { setNotifications } from '../notifications/notifications.ts'
import { createScriptedWay } from '../support/notification-drains.ts'

/** The statements of the pages that are about notifications, one by one. */
const statements = ['README.md', 'docs/notifications.md', 'docs/telegram.md', 'docs/adoption.md'].flatMap((page) =>
  [...readFileSync(join(import.meta.dirname, '../..', page), 'utf8').matchAll(/^ *```sql\n([\s\S]*?)^ *```/gm)]
    .flatMap(([, block = '']) => block.split(/;\s*\n/))
    .filter((statement) =>
      /\b(notifications|companies|notification_attempts|unread_notifications|telegram_chats|channels)\b/.test(
        statement,
      ),
    )
    .map((statement) => ({ page, statement: statement.trim() })),
)
const starting = (word: string) => statements.filter(({ statement }) => statement.startsWith(word))

describe('the SQL in the documentation of notifications', () => {
  const scene = setNotifications()
  beforeEach(() => scene.query('UPDATE companies SET timezone = NULL, quiet_from = NULL, quiet_until = NULL'))

  test('is of these kinds', () => {
    expect(starting('INSERT').length).toBeGreaterThanOrEqual(3)
    expect(starting('UPDATE').length).toBeGreaterThanOrEqual(4)
    expect(starting('SELECT').length).toBeGreaterThanOrEqual(2)
    expect(starting('INSERT').length + starting('UPDATE').length + starting('SELECT').length).toBe(statements.length)
  })

  test.each(starting('INSERT'))('tells somebody: $page', async ({ statement }) => {
    const { way, told } = createScriptedWay(async () => ({ outcome: { kind: 'sent' } }))
    scene.start({ ways: { telegram: way } })
    await scene.query(statement)
    await expect.poll(scene.statuses).toEqual(['sent'])
    expect(told).toHaveLength(1)
  })

  test.each(starting('UPDATE'))('changes a row: $statement', async ({ statement }) => {
    await scene.query(`
      INSERT INTO notifications (company_id, type, notification_type, message, status, error_class)
      VALUES (1, 'telegram', 'expired', 'm', 'failed', 'bot_blocked'), (1, 'telegram', 'expiry_warning', 'm', 'pending', NULL),
             (1, 'system', 'expired', 'm', 'sent', NULL)`)
    expect((await scene.database.pool.query(statement)).rowCount).toBe(1)
  })

  test.each(starting('SELECT'))('answers, with the rights of who may only read: $statement', async ({ statement }) => {
    await scene.query(`
      INSERT INTO fleet.notification_attempts (notification_id, attempt, token, outcome) VALUES (1, 1, 1, 'ambiguous');
      INSERT INTO fleet.telegram_chats (chat_id, unreachable_since, unreachable_class) VALUES ('5', now(), 'bot_blocked') ON CONFLICT DO NOTHING`)
    const client = await scene.database.pool.connect()
    try {
      await client.query('SET ROLE fleet_readonly')
      expect((await client.query(statement)).rows).not.toEqual([])
    } finally {
      await client.query('RESET ROLE')
      client.release()
    }
  })
})
