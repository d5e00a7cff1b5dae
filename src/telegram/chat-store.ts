import { sql } from 'kysely'
import type { Database } from '../db/pool.ts'

/** What is known of chats beside their turns. */
export class ChatStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** False where that is known already. */
  async markUnreachable(chatId: string, errorClass: string, reason: string): Promise<boolean> {
    const { numAffectedRows } = await sql`
      INSERT INTO fleet.telegram_chats AS c (chat_id, unreachable_since, unreachable_class, unreachable_reason)
      VALUES (${chatId}, clock_timestamp(), ${errorClass}, ${reason})
          ON CONFLICT (chat_id) DO UPDATE
         SET unreachable_since = excluded.unreachable_since, unreachable_class = excluded.unreachable_class,
             unreachable_reason = excluded.unreachable_reason
       WHERE c.unreachable_since IS NULL`.execute(this.#database.db)
    return numAffectedRows === 1n
  }

  async markReachable(chatId: string): Promise<void> {
    await sql`
      UPDATE fleet.telegram_chats SET unreachable_since = NULL, unreachable_class = NULL, unreachable_reason = NULL
       WHERE chat_id = ${chatId} AND unreachable_since IS NOT NULL`.execute(this.#database.db)
  }

  /**
   * Companies first, then chats: the trigger on companies takes them in this order, too. The new chat leads nowhere else, so that
   * nothing can ever go in circles. Answers how many companies have moved.
   */
  async migrate(from: string, to: string): Promise<number> {
    return this.#database.db.transaction().execute(async (transaction) => {
      const { numAffectedRows } = await sql`
        UPDATE companies SET telegram_chat_id = ${to} WHERE btrim(telegram_chat_id) = ${from}`.execute(transaction)
      await sql`
        INSERT INTO fleet.telegram_chats (chat_id, migrated_to)
        SELECT * FROM (VALUES (${from}, ${to}), (${to}, NULL)) AS chats (chat_id, migrated_to) ORDER BY chat_id
            ON CONFLICT (chat_id) DO UPDATE SET migrated_to = excluded.migrated_to`.execute(transaction)
      return Number(numAffectedRows ?? 0)
    })
  }
}
