import { sql } from 'kysely'
import type { TemplateChoice } from '../config/template-choice.ts'
import type { Database } from '../db/pool.ts'
import { type Claim, LeasedTable, type LeasedTableDefinition, type LeasedTableOptions } from '../queue/leased-table.ts'
import type { RecipientStates } from './policy.ts'
import type { RefusedRow } from './refusal-streak.ts'

/** A claimed row of `email_queue`. */
export interface EmailRow extends Claim {
  readonly recipient_to: string
  readonly recipient_cc: string | null
  readonly recipient_bcc: string | null
  readonly subject: string
  readonly body: string
  readonly html: string | null
  readonly template_id: string | null
  /** Any JSON value: other programs write it. */
  readonly variables: unknown
  /** With angle brackets; the same on every attempt. */
  readonly message_id: string
  readonly recipients: RecipientStates | null
}

/**
 * From the moment that a replay is stopped no mail of it is claimed or handed over; taking it back takes longer. Whether any replay is being
 * stopped is asked once for each statement.
 */
const isInNoStoppedReplay = sql<boolean>`
  (NOT EXISTS (SELECT FROM fleet.replays WHERE state = 'stopping')
   OR NOT EXISTS (
     SELECT FROM fleet.replays AS r JOIN fleet.replay_items AS i ON i.replay_id = r.id
      WHERE r.state = 'stopping' AND i.email_id = q.id AND i.state = 'replayed'))`

/** `email_queue` as a leased queue. The Message-ID is made with the first claim and kept, whatever the sender's domain becomes. */
function definition({ messageIdDomain, holdAmbiguous }: EmailTableOptions): LeasedTableDefinition {
  const [all, templates] = holdAmbiguous === 'all' ? [true, []] : [false, [...holdAmbiguous]]
  const held = sql`(${all}::boolean OR q.template_id = ANY(${templates}::text[]))`
  return {
    name: 'email_queue',
    queue: 'email',
    table: 'email_queue',
    isOurs: sql`true`,
    isReady: isInNoStoppedReplay,
    mayGo: isInNoStoppedReplay,
    ledger: { table: 'fleet.email_attempts', rowId: 'email_id', code: 'smtp_code', providerCode: 'enhanced_code' },
    handovers: 'fleet.email_handovers',
    // Whatever other word a program has written counts as none.
    holdsAmbiguous: sql`coalesce(CASE q.when_ambiguous WHEN 'hold' THEN true WHEN 'resend' THEN false ELSE ${held} END, false)`,
    columns: sql`q.recipient_to, q.recipient_cc, q.recipient_bcc, q.subject, q.body, q.html, q.template_id, q.variables,
      q.message_id, q.recipients`,
    onClaim: sql`message_id = coalesce(nullif(q.message_id, ''),
      format('<%s.%s@%s>', q.id, to_hex((extract(epoch FROM q.enqueued_at) * 1000000)::bigint), ${messageIdDomain}::text))`,
    onRecord: sql`
      sent_at    = CASE WHEN r.status = 'sent' THEN fleet.utc_now() ELSE q.sent_at END,
      recipients = CASE WHEN r.details ? 'recipients' AND q.erased_at IS NULL
                        THEN coalesce(q.recipients, '{}') || (r.details -> 'recipients') ELSE q.recipients END`,
  }
}

export interface EmailTableOptions extends LeasedTableOptions {
  /** Of Message-IDs that are made. */
  readonly messageIdDomain: string
  /** Templates whose mails are held rather than sent again when nobody can know whether they were taken. */
  readonly holdAmbiguous: TemplateChoice
}

export function emailTable(database: Database, options: EmailTableOptions): LeasedTable<EmailRow> {
  return new LeasedTable<EmailRow>(database, definition(options), options)
}

/**
 * Takes rows back that were failed, or are just being recorded as failed, for what turned out to be an outage; unless somebody has
 * claimed or changed them since.
 */
export async function takeBack(database: Database, rows: readonly RefusedRow[]): Promise<void> {
  if (rows.length === 0) return
  const statement = sql`
    UPDATE email_queue
       SET status       = 'pending',
           leased_until = NULL,
           attempts     = greatest(0, attempts - 1)
     WHERE id = ANY(${rows.map(({ id }) => id)}::int[])
       AND claim_token = ANY(${rows.map(({ token }) => token)}::bigint[])
       AND status IN ('failed', 'sending')`.compile(database.db)
  await database.runPrepared('email_queue take back', statement)
}
