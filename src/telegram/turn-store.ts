import { type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/pool.ts'

/** How much Telegram lets a bot send. */
export interface SendLimits {
  /** Messages of the whole bot. */
  readonly perSecond: number
  /** Messages to one chat, over time, and at once. */
  readonly chatPerSecond: number
  readonly chatBurst: number
  /** Messages to one group or channel. */
  readonly groupPerMinute: number
}

/** What the database says when it is asked for the turn of a message. */
export interface BookedTurn {
  /** The message's turn is its own; false where it has to ask again after `waitMs`. */
  readonly booked: boolean
  /** The database's clock, and the turn by it: milliseconds of the epoch, with fractions. */
  readonly nowMs: number
  readonly turnMs: number
  /** Until the turn, or until asking again may help. */
  readonly waitMs: number
  /** How many outages there were in a row. */
  readonly strikes: number
  readonly migratedTo: string | null
  readonly unreachableClass: string | null
  readonly unreachableReason: string | null
}

/** A turn further away than this is not given to anybody. */
export const furthestTurnMs = 2_000
/** How much closer together than they left messages may arrive: what waking up and the way there take, more or less. */
const slackMs = 100
/** A clock that is set back by less than this only delays. */
const clockSlackMs = 1_000

/** The turns that messages take, which all processes share: one row for the bot, one for each chat. */
export class TurnStore {
  readonly #database: Database
  readonly #limits: SendLimits

  constructor(database: Database, limits: SendLimits) {
    this.#database = database
    this.#limits = limits
  }

  /** Gives out the next turn that all limits allow, or none when it is too far away. Undefined for a chat that is not known yet. */
  async book(chatId: string): Promise<BookedTurn | undefined> {
    const [turn] = await this.#database.runPrepared('telegram turn', this.#compileBook(chatId))
    return turn
  }

  async addChat(chatId: string): Promise<void> {
    await sql`INSERT INTO fleet.telegram_chats (chat_id) VALUES (${chatId}) ON CONFLICT DO NOTHING`.execute(
      this.#database.db,
    )
  }

  /** Whether the bot must not send at that moment, because a pause has begun meanwhile. */
  async pausesAt(turnMs: number): Promise<boolean> {
    // A turn right at the end of a pause is none within it, whatever a fraction of a millisecond has become on its way.
    const query = sql`
      SELECT FROM fleet.channels
       WHERE name = 'telegram' AND extract(epoch FROM ${pausedUntil(sql`paused_until`)}) * 1000 > ${turnMs}::float8 + 1`
    const rows = await this.#database.runPrepared('telegram pause', query.compile(this.#database.db))
    return rows.length > 0
  }

  /**
   * The rows are locked in the same order by everybody, first the chat's and then the bot's, and the clock is read when both are: a
   * turn is never in the past because somebody waited for a lock. A turn that the chat does not allow yet is not taken from the others.
   *
   * The bot's turns are evenly spaced. A chat's `next_at` is when its bucket would be full again but for one message. The slack is
   * what keeps the limits where the messages arrive.
   */
  #compileBook(chatId: string): CompiledQuery<BookedTurn> {
    const { perSecond, chatPerSecond, chatBurst, groupPerMinute } = this.#limits
    const most = isGroup(chatId) ? groupPerMinute : null
    const chatEveryMs = 1_000 / chatPerSecond
    const botEveryMs = (1_000 + slackMs) / perSecond
    return sql<BookedTurn>`
      WITH chat AS MATERIALIZED (
        SELECT * FROM fleet.telegram_chats WHERE chat_id = ${chatId} FOR UPDATE
      ), bot AS MATERIALIZED (
        SELECT * FROM fleet.channels
         WHERE name = 'telegram' AND EXISTS (SELECT FROM chat WHERE migrated_to IS NULL AND unreachable_since IS NULL)
           FOR UPDATE
      ), found AS MATERIALIZED (
        SELECT chat.*, coalesce(chat.recent, '{}') AS log, ${most}::integer AS most, bot.strikes, bot.next_at AS bot_next_at,
               ${pausedUntil(sql`bot.paused_until`)} AS paused_until, clock_timestamp() AS now
          FROM chat LEFT JOIN bot ON true
      ), known AS MATERIALIZED (
        SELECT chat_id, migrated_to, unreachable_since, unreachable_class, unreachable_reason, most, strikes, paused_until, now,
               ${unlessAhead(sql`bot_next_at`, botEveryMs)} AS bot_next_at,
               ${unlessAhead(sql`next_at`, chatBurst * chatEveryMs)} AS next_at,
               CASE WHEN ${unlessAhead(sql`log[cardinality(log)]`, 0)} IS NULL THEN '{}' ELSE log END AS log
          FROM found
      ), times AS MATERIALIZED (
        SELECT *, greatest(now, bot_next_at, paused_until) AS bot_at,
               greatest(now, next_at - ${ms((chatBurst - 1) * chatEveryMs - slackMs)},
                        log[cardinality(log) - most + 1] + ${ms(60_000 + slackMs)}) AS chat_at
          FROM known
      ), turn AS MATERIALIZED (
        SELECT *, strikes IS NOT NULL AND chat_at <= bot_at AND bot_at <= now + ${ms(furthestTurnMs)} AS booked FROM times
      ), book_chat AS (
        UPDATE fleet.telegram_chats AS c
           SET next_at = greatest(t.bot_at, t.next_at) + ${ms(chatEveryMs)},
               recent  = CASE WHEN t.most IS NOT NULL THEN (t.log || t.bot_at)[greatest(1, cardinality(t.log) + 2 - t.most):] END
          FROM turn AS t
         WHERE c.chat_id = t.chat_id AND t.booked
      ), book_bot AS (
        UPDATE fleet.channels AS b
           SET next_at = t.bot_at + ${ms(botEveryMs)}
          FROM turn AS t
         WHERE b.name = 'telegram' AND t.booked
      )
      SELECT booked, coalesce(strikes, 0) AS strikes, migrated_to AS "migratedTo",
             CASE WHEN unreachable_since IS NOT NULL THEN coalesce(unreachable_class, 'unreachable') END AS "unreachableClass",
             unreachable_reason AS "unreachableReason",
             (extract(epoch FROM now) * 1000)::float8 AS "nowMs",
             (extract(epoch FROM bot_at) * 1000)::float8 AS "turnMs",
             (extract(epoch FROM greatest(bot_at, chat_at) - now) * 1000)::float8 AS "waitMs"
        FROM turn`.compile(this.#database.db)
  }
}

/** The end of a pause, NULL for none; of one that is longer than an hour, or without an end, it is enough to know that. */
function pausedUntil(column: RawBuilder<unknown>) {
  return sql`CASE WHEN ${column} IS NOT NULL THEN least(${column}, clock_timestamp() + interval '1 hour') END`
}

/** A time that is further ahead than any turn could have left it was written before the clock was set back: it counts as none. */
function unlessAhead(time: RawBuilder<unknown>, mostMs: number) {
  return sql`CASE WHEN ${time} <= now + ${ms(furthestTurnMs + mostMs + clockSlackMs)} THEN ${time} END`
}

/** Ids of groups and channels are negative; people have no `@name` that a bot could write to. */
function isGroup(chatId: string): boolean {
  return /^[-@]/.test(chatId)
}

function ms(value: number) {
  return sql`${value}::float8 * interval '1 millisecond'`
}
