import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { ChannelName } from './notice.ts'

/** Half-open: [since, until). */
export interface DigestWindow {
  readonly since: Date
  readonly until: Date
}

/** Messages that did not get through in the same way. */
export interface Trouble {
  /** `notifications.type`, or `mail` for mails that no notification has become. */
  readonly channel: string
  readonly status: 'failed' | 'skipped' | 'held'
  readonly errorClass: string | null
  readonly count: number
  /** Of these, how many the next channel has delivered instead. */
  readonly fallbacks: number
  /** The reason of one of them, at most 200 characters. */
  readonly example: string | null
  /** The first companies by name, at most three, and how many there are. */
  readonly companies: readonly string[]
  readonly companyCount: number
}

/** Ends of subscriptions that the sweep told nobody of, for the same reason. */
export interface UntoldEnds {
  readonly entityType: 'projects' | 'portraits' | 'companies' | 'orders'
  /** As `fleet.subscription_stages` names it. */
  readonly stage: string
  /** As the ledger has it: `nobody_to_tell` and others. */
  readonly reason: string | null
  readonly count: number
  /** The first companies by name, at most three, and how many there are. */
  readonly companies: readonly string[]
  readonly companyCount: number
}

export interface NewDigest {
  readonly channel: ChannelName
  readonly recipient: { readonly to: string } | { readonly chat_id: string }
  readonly subject: string
  readonly message: string
  readonly locale: 'ru' | 'en'
  /** In the administrator's time zone, `2026-11-25`: one digest a day. */
  readonly date: string
  readonly window: DigestWindow
}

const notificationType = 'daily_digest'

/**
 * From where the last digest ended, so that nothing is told twice or not at all. Where there has been none, two days: had there been
 * anything to tell a day ago, there would be one. It ends five minutes ago, since a transaction that is under way may still bring rows
 * that are stamped with its start.
 */
export async function nextWindow(db: Kysely<DB>): Promise<DigestWindow> {
  const { rows } = await sql<DigestWindow>`
    WITH now AS (SELECT date_trunc('second', fleet.utc_now() AT TIME ZONE 'UTC' - interval '5 minutes') AS until)
    SELECT coalesce(
             (SELECT max((event_data ->> 'until')::timestamptz)
                FROM notifications
               WHERE notification_type = ${notificationType} AND dedup_key LIKE 'admin-digest:%'),
             until - interval '2 days') AS since,
           until
      FROM now`.execute(db)
  const [window] = rows
  if (!window) throw new Error('a SELECT without a table has answered nothing')
  return window
}

/**
 * What did not get through within the window and has not been mended since, the most frequent first. Rows that had ended before the fleet
 * knew the tables have no `due_at`; an earlier digest is no trouble of its own.
 */
export async function listTrouble(db: Kysely<DB>, { since, until }: DigestWindow): Promise<Trouble[]> {
  const { rows } = await sql<Trouble>`
    WITH trouble AS (
      SELECT type AS channel, status, error_class, last_error, company_id,
             EXISTS (SELECT FROM notifications AS f WHERE f.fallback_of = n.id AND f.status = 'sent') AS has_fallback
        FROM notifications AS n
       WHERE status IN ('failed', 'skipped', 'held') AND due_at IS NOT NULL
         AND changed_at >= ${since}::timestamptz AND changed_at < ${until}::timestamptz
         AND notification_type IS DISTINCT FROM ${notificationType}
       UNION ALL
      SELECT 'mail', status, error_class, last_error, NULL, false
        FROM email_queue
       WHERE status IN ('failed', 'held') AND due_at IS NOT NULL AND notification_id IS NULL
         AND updated_at >= ${since}::timestamptz AT TIME ZONE 'UTC' AND updated_at < ${until}::timestamptz AT TIME ZONE 'UTC'
    )
    SELECT t.channel, t.status, t.error_class AS "errorClass", count(*)::int AS count,
           count(*) FILTER (WHERE t.has_fallback)::int AS fallbacks,
           max(left(t.last_error, 200)) AS example,
           coalesce((array_agg(DISTINCT c.name) FILTER (WHERE c.name IS NOT NULL))[1:3], '{}') AS companies,
           count(DISTINCT c.id)::int AS "companyCount"
      FROM trouble AS t
      LEFT JOIN companies AS c ON c.id = t.company_id
     GROUP BY t.channel, t.status, t.error_class
     ORDER BY count DESC, t.channel, t.status, t.error_class`.execute(db)
  return rows
}

/** Whose ends the sweep could tell nobody of within the window, the most frequent first. */
export async function listUntoldEnds(db: Kysely<DB>, { since, until }: DigestWindow): Promise<UntoldEnds[]> {
  const { rows } = await sql<UntoldEnds>`
    SELECT n.entity_type AS "entityType", n.stage, n.reason, count(*)::int AS count,
           coalesce((array_agg(DISTINCT c.name) FILTER (WHERE c.name IS NOT NULL))[1:3], '{}') AS companies,
           count(DISTINCT c.id)::int AS "companyCount"
      FROM fleet.notices AS n
      LEFT JOIN companies AS c ON c.id = n.company_id
     WHERE n.outcome = 'skipped' AND n.decided_at >= ${since}::timestamptz AND n.decided_at < ${until}::timestamptz
     GROUP BY n.entity_type, n.stage, n.reason
     ORDER BY count DESC, n.entity_type, n.stage, n.reason`.execute(db)
  return rows
}

/** Puts a digest into a channel, unless there is one for that day; answers whether it did. */
export async function insertDigest(trx: Transaction<DB>, digest: NewDigest): Promise<boolean> {
  const { channel, recipient, subject, message, locale, date, window } = digest
  const facts = {
    ...recipient,
    locale,
    since: window.since.toISOString(),
    until: window.until.toISOString(),
    fallback: [],
  }
  const { rows } = await sql`
    INSERT INTO notifications (type, notification_type, priority, subject, message, source, event_data, dedup_key)
    VALUES (${channel}, ${notificationType}, 'low', ${subject}, ${message}, 'fleet', ${JSON.stringify(facts)}::jsonb,
            ${`admin-digest:${channel}:${date}`})
        ON CONFLICT (dedup_key) DO NOTHING
 RETURNING id`.execute(trx)
  return rows.length > 0
}
