import { type Kysely, sql } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import type { Produce } from '../queue.ts'
import type { Random } from '../random.ts'
import { piecesOf } from './pieces.ts'

interface NewNotice {
  readonly type: 'telegram' | 'system' | 'email'
  readonly company: number
  readonly message: string
  readonly event_data: Readonly<Record<string, unknown>>
  readonly priority: string | null
  readonly when_ambiguous: 'hold' | null
}

/** Each of another company. They have their turns, so that so many messages in a row all go to different ones. */
export const chats = 30
/** Two of them do not fit into one message of Telegram. */
const longWords = 450

/** The chats that notices go to, by way of their companies; every fifth is a group. */
export async function insertCompanies(db: Kysely<DB>): Promise<void> {
  await sql`
    INSERT INTO companies (id, name, slug, telegram_chat_id)
    SELECT 1000 + n, format('Company %s', n), format('company-%s', n), CASE n % 5 WHEN 0 THEN -7000 - n ELSE 7000 + n END
      FROM generate_series(1, ${chats}::int) AS n
        ON CONFLICT DO NOTHING`.execute(db)
}

/** Notices of any priority, most of them to Telegram, some long. */
export function noticeProducer(db: Kysely<DB>, random: Random): Produce {
  let made = 0
  return (count) => {
    const notices = Array.from({ length: count }, () => {
      made += 1
      return makeNotice(random, made)
    })
    return insertNotices(db, notices)
  }
}

async function insertNotices(db: Kysely<DB>, notices: readonly NewNotice[]): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO notifications (type, notification_type, company_id, message, event_data, priority, max_attempts, when_ambiguous)
    SELECT n.type, 'chaos', n.company, n.message, n.event_data, n.priority, 50, n.when_ambiguous
      FROM jsonb_to_recordset(${JSON.stringify(notices)}::jsonb)
           AS n(type text, company int, message text, event_data jsonb, priority text, when_ambiguous text)
 RETURNING id`.execute(db)
  return rows.map(({ id }) => id)
}

function makeNotice(random: Random, number: number): NewNotice {
  const key = `n${number}`
  const type = random.chance(0.9) ? 'telegram' : random.pick<'system' | 'email'>(['system', 'email'])
  const isLong = type === 'telegram' && random.chance(0.12)
  const pieces = isLong ? piecesOf(key, random.int(2, 4)) : piecesOf(key, 1)
  return {
    type,
    company: 1001 + (number % chats),
    message: pieces.map((piece) => (isLong ? `${piece}${' Слово'.repeat(longWords)}` : piece)).join('\n\n'),
    event_data: {
      key,
      pieces: type === 'telegram' ? pieces : [],
      ...(type === 'email' && { to: `${key}@chaos.example` }),
    },
    priority: random.pick(['urgent', 'high', 'normal', 'normal', 'normal', 'low', null]),
    when_ambiguous: random.chance(0.08) ? 'hold' : null,
  }
}
