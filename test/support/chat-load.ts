import { type Kysely, sql } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import { botAnswers } from './bot-api-answers.ts'
import type { BotApiServer, BotRequest, BotScript } from './bot-api-server.ts'
import { type SendLimits, violationsOf } from './send-limits.ts'

/** Messages to a number of chats, of which every fifth is a group. */
export interface ChatLoad {
  readonly messages: number
  readonly chats: number
}

/** One statement, as another program does it: the messages of a chat are one, two, three and so on. */
export async function insertMessages(db: Kysely<DB>, { messages, chats }: ChatLoad): Promise<void> {
  await sql`
    INSERT INTO notifications (type, notification_type, message, event_data)
    SELECT 'telegram', 'load', (1 + n / ${chats}::int)::text,
           jsonb_build_object('chat_id', CASE chat % 5 WHEN 0 THEN -8000 - chat ELSE 8000 + chat END)
      FROM generate_series(0, ${messages}::int - 1) AS n CROSS JOIN LATERAL (SELECT n % ${chats}::int AS chat) AS c`.execute(
    db,
  )
}

/** Says 429 to one request in so many. */
export function throttlingEvery(nth: number): BotScript {
  let sent = 0
  return ({ method }) => {
    if (!method.startsWith('send')) return undefined
    sent += 1
    return sent % nth === 0 ? botAnswers.throttled(1) : undefined
  }
}

/** The variables that set the limits, and lead to the server. */
export function botEnvironment({ token, apiRoot }: BotApiServer, limits: SendLimits): Record<string, string> {
  return {
    TELEGRAM_BOT_TOKEN: token,
    TELEGRAM_API_ROOT: apiRoot,
    TELEGRAM_PER_SECOND: String(limits.perSecond),
    TELEGRAM_CHAT_PER_SECOND: String(limits.chatPerSecond),
    TELEGRAM_CHAT_BURST: String(limits.chatBurst),
    TELEGRAM_GROUP_PER_MINUTE: String(limits.groupPerMinute),
  }
}

/** What the server has seen that should not be, a sentence each: messages missing, again or out of order, and limits that were passed. */
export function faultsOf({ taken, requests }: BotApiServer, load: ChatLoad, limits: SendLimits): string[] {
  const chats = Map.groupBy(taken, ({ chatId }) => chatId)
  const each = Array.from({ length: load.messages / load.chats }, (_, index) => String(1 + index)).join(' ')
  return [
    ...(chats.size === load.chats ? [] : [`${chats.size} chats of ${load.chats}`]),
    ...[...chats].filter(([, own]) => textsOf(own) !== each).map(([chat, own]) => `chat ${chat} got ${textsOf(own)}`),
    ...violationsOf(requests, limits),
  ]
}

function textsOf(requests: readonly BotRequest[]): string {
  return requests.map(({ payload }) => payload.text).join(' ')
}
