import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { listNotificationAttempts, type NotificationAttempt } from './notification-history.ts'
import { type NotificationSummary, noticeName, notificationColumns } from './notification-summary.ts'

/** Another notification that has to do with one. */
export interface RelatedNotification {
  readonly id: number
  readonly channel: string
  readonly status: string
  readonly subject: string | null
}

/** Everything about one notification but what it says. */
export interface NotificationDetails extends NotificationSummary {
  readonly scheduledAt: Date | null
  readonly dedupKey: string | null
  readonly source: string | null
  /** The worker that has it, or had it last. */
  readonly claimedBy: string | null
  /** When it took it. */
  readonly claimedAt: Date | null
  /** Null, too, while its mail is under way, which takes as long as it takes. */
  readonly leasedUntil: Date | null
  /** Since when the next system may have what the attempt in hand delivers; null where it has not, as far as is known. */
  readonly handedOverAt: Date | null
  /** `resend` or `hold`: what the row itself says; anything else counts as null. */
  readonly whenAmbiguous: string | null
  /** How many workers died with it in hand since it was last put into the queue. */
  readonly rescues: number
  /** What its channel has recorded of the parts that were delivered. */
  readonly parts: unknown
  /** Since when the bot cannot write to its chat, and why; null where it can, as far as is known. */
  readonly unreachableSince: Date | null
  readonly unreachableReason: string | null
  /** Whether a worker is still to find out if another channel is to be tried. */
  readonly needsFallback: boolean
  /** In bytes of UTF-8. */
  readonly messageBytes: number
  readonly dataNames: readonly string[]
  /** The mail that was made of it, in the queue or the archive. */
  readonly mail: { readonly id: number; readonly status: string } | null
  /** What it stands in for, and what stands in for it. */
  readonly fallbackFrom: RelatedNotification | null
  readonly fallbacks: readonly RelatedNotification[]
  /** What it goes out with, and what goes out with it. */
  readonly digest: RelatedNotification | null
  readonly members: readonly RelatedNotification[]
  /** What came of each attempt, the latest last. */
  readonly history: readonly NotificationAttempt[]
}

export interface NotificationBody {
  readonly message: string | null
  readonly eventData: unknown
}

/** Undefined where no notification has that id. */
export async function showNotification(db: Kysely<DB>, id: number): Promise<NotificationDetails | undefined> {
  const { rows } = await sql<NotificationDetails>`
    SELECT ${notificationColumns}, c.name AS company, ${detailColumns}, ${relationColumns}
      FROM notifications AS q
      LEFT JOIN companies AS c ON c.id = q.company_id
      LEFT JOIN fleet.telegram_chats AS chat
        ON chat.chat_id = q.recipient AND q.type = 'telegram' AND chat.unreachable_since IS NOT NULL
     WHERE q.id = ${id}`.execute(db)
  const [row] = rows
  return row && { ...row, history: await listNotificationAttempts(db, id) }
}

const detailColumns = sql`
  q.scheduled_at AS "scheduledAt", q.dedup_key AS "dedupKey", q.source, q.claimed_by AS "claimedBy", q.claimed_at AS "claimedAt",
  CASE WHEN isfinite(q.leased_until) THEN q.leased_until END AS "leasedUntil",
  (SELECT mark.handed_over_at FROM fleet.notification_handovers AS mark WHERE mark.token = q.claim_token) AS "handedOverAt",
  q.when_ambiguous AS "whenAmbiguous", q.rescues, q.parts, q.needs_fallback AS "needsFallback",
  chat.unreachable_since AS "unreachableSince", chat.unreachable_reason AS "unreachableReason",
  coalesce(octet_length(q.message), 0) AS "messageBytes",
  CASE WHEN jsonb_typeof(q.event_data) = 'object' THEN ARRAY(SELECT jsonb_object_keys(q.event_data) ORDER BY 1)
       ELSE '{}' END AS "dataNames"`

/** The mail of a notification has a key that tells so: by it the archive is looked through. */
const relationColumns = sql`
  (SELECT to_jsonb(mail)
     FROM (SELECT m.id, m.status FROM email_queue AS m WHERE m.notification_id = q.id
            UNION ALL
           SELECT a.id, a.status FROM fleet.email_archive AS a WHERE a.dedup_key = 'n:' || q.id AND a.notification_id = q.id) AS mail
    ORDER BY id DESC LIMIT 1) AS mail,
  ${related(sql`SELECT * FROM notifications WHERE id = q.fallback_of`, 'one')} AS "fallbackFrom",
  ${related(sql`SELECT * FROM notifications WHERE fallback_of = q.id`, 'all')} AS fallbacks,
  ${related(sql`SELECT * FROM notifications WHERE id = q.digest_of`, 'one')} AS digest,
  ${related(sql`SELECT * FROM notifications WHERE digest_of = q.id`, 'all')} AS members`

function related(rows: RawBuilder<unknown>, which: 'one' | 'all'): RawBuilder<unknown> {
  const facts = sql`jsonb_build_object('id', q.id, 'channel', q.type, 'status', q.status, 'subject', ${noticeName})`
  return which === 'one'
    ? sql`(SELECT ${facts} FROM (${rows}) AS q)`
    : sql`(SELECT coalesce(jsonb_agg(${facts} ORDER BY q.id), '[]') FROM (${rows}) AS q)`
}

/** What the notification says; undefined where none has that id. */
export async function showNotificationBody(db: Kysely<DB>, id: number): Promise<NotificationBody | undefined> {
  const { rows } = await sql<NotificationBody>`
    SELECT message, event_data AS "eventData" FROM notifications WHERE id = ${id}`.execute(db)
  return rows[0]
}
