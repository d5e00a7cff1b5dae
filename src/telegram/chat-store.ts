import { sql } from 'kysely'
import type { Database } from '../db/pool.ts'

const firstPauseMs = 1_000
const longestPauseMs = 60_000

/** What is known of the bot and its chats beside their turns. */
export class ChatStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** False where it pauses for as long already. */
  async pause(forMs: number, reason: string): Promise<boolean> {
    const { numAffectedRows } = await sql`
      UPDATE fleet.channels
         SET paused_until = ${afterMs(forMs)}, reason = ${reason}
       WHERE name = 'telegram' AND (paused_until IS NULL OR paused_until < ${afterMs(forMs)})`.execute(
      this.#database.db,
    )
    return numAffectedRows === 1n
  }

  /** Pauses for longer than the last time, unless it pauses already: of many who meet the same outage one counts. Answers for how long. */
  async strike(reason: string): Promise<{ readonly struck: boolean; readonly pauseMs: number }> {
    const { db } = this.#database
    const pauseMs = sql`least(${longestPauseMs}, ${firstPauseMs} * 2 ^ least(strikes, 20))`
    const { rows: struck } = await sql<{ pauseMs: number }>`
      UPDATE fleet.channels
         SET paused_until = clock_timestamp() + ${pauseMs} * interval '1 millisecond', strikes = least(strikes, 20) + 1,
             reason = ${reason}
       WHERE name = 'telegram' AND (paused_until IS NULL OR paused_until <= clock_timestamp())
      RETURNING (extract(epoch FROM paused_until - clock_timestamp()) * 1000)::float8 AS "pauseMs"`.execute(db)
    if (struck[0] !== undefined) return { struck: true, pauseMs: struck[0].pauseMs }
    const { rows } = await sql<{ pauseMs: number }>`
      SELECT (extract(epoch FROM least(paused_until, clock_timestamp() + interval '1 hour') - clock_timestamp()) * 1000)::float8 AS "pauseMs"
        FROM fleet.channels WHERE name = 'telegram' AND paused_until > clock_timestamp()`.execute(db)
    return { struck: false, pauseMs: rows[0]?.pauseMs ?? 0 }
  }

  /** Forgets the outages there were in a row; false where there were none. */
  async forgetStrikes(): Promise<boolean> {
    const { numAffectedRows } = await sql`
      UPDATE fleet.channels SET strikes = 0 WHERE name = 'telegram' AND strikes > 0`.execute(this.#database.db)
    return numAffectedRows === 1n
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

function afterMs(forMs: number) {
  return sql`clock_timestamp() + ${forMs}::float8 * interval '1 millisecond'`
}
