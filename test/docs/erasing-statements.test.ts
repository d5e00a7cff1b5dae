import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { remains, runForget } from '../ops/forget/forgetting.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/operations/erasing-a-person.md'), 'utf8')
const [chat = '', log = ''] = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('what is said of a chat leaves nothing of it', async () => {
  await database.pool.query(`
    INSERT INTO fleet.telegram_chats (chat_id) VALUES ('123456789');
    INSERT INTO fleet.telegram_links (token_hash, company_id, expires_at, chat_id) VALUES ('x', 1, now(), '123456789');
    INSERT INTO notifications (type, status, message, event_data)
    VALUES ('telegram', 'sent', 'Dear Ann', '{"chat_id": 123456789}'), ('telegram', 'sent', 'Dear Bob', '{"chat_id": 12345678}')`)
  expect(await remains(database, '123456789')).toHaveLength(3)
  await database.pool.query(chat)
  expect(await remains(database, '123456789', 'Dear Ann')).toEqual([])
  expect(await remains(database, 'Dear Bob')).toHaveLength(1)
})

test('the audit log answers who was erased', async () => {
  await runForget(database.db, 'ann@x.org')
  const { rows } = await database.pool.query(log)
  expect(rows.map(({ action }) => action)).toEqual(['forgotten', 'forget'])
})
