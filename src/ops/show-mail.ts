import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { mergeRecipients, parseRecipients, type RecipientFields, type Recipients } from '../email/addresses.ts'
import type { RecipientStates } from '../email/policy.ts'
import { changedAt } from './mail-filter.ts'
import { listAttempts, type MailAttempt } from './mail-history.ts'
import { archivedSummaryColumns, type MailSummary, summaryColumns } from './mail-summary.ts'

export interface MailRecipient {
  readonly field: 'to' | 'cc' | 'bcc'
  /** The address, or what stands in its place. */
  readonly address: string
  readonly name: string
  /** `outstanding`: no server has been asked yet. */
  readonly state: 'accepted' | 'deferred' | 'refused' | 'outstanding'
  /** The server's answer, or why none was asked for. */
  readonly reply: string | null
  readonly errorClass: string | null
}

/** Everything about one mail but what it says. */
export interface MailDetails extends MailSummary {
  readonly scheduledAt: Date | null
  readonly messageId: string | null
  readonly dedupKey: string | null
  /** The worker that has it, or had it last. */
  readonly claimedBy: string | null
  /** When it took it. */
  readonly claimedAt: Date | null
  readonly leasedUntil: Date | null
  /** Since when a server may have the message of the attempt in hand; null where none has, as far as is known. */
  readonly handedOverAt: Date | null
  /** `resend` or `hold`: what the row itself says; anything else counts as null. */
  readonly whenAmbiguous: string | null
  /** How many workers died with it in hand since it was last put into the queue. */
  readonly rescues: number
  /** In bytes of UTF-8. */
  readonly textBytes: number
  readonly htmlBytes: number
  readonly variableNames: readonly string[]
  /** One by one, each address once. */
  readonly recipients: readonly MailRecipient[]
  /** What came of each attempt, the latest last. */
  readonly history: readonly MailAttempt[]
}

export interface MailBody {
  readonly text: string
  readonly html: string | null
  readonly variables: unknown
}

/** A mail of the queue or the archive; undefined where no mail has that id. */
export async function showMail(db: Kysely<DB>, id: number): Promise<MailDetails | undefined> {
  const { rows } = await sql<MailDetails & { recipients: RecipientStates | null }>`
    SELECT ${summaryColumns(changedAt)}, ${detailColumns} FROM email_queue AS q WHERE q.id = ${id}
     UNION ALL
    SELECT ${archivedSummaryColumns}, ${detailColumns} FROM fleet.email_archive AS q WHERE q.id = ${id}`.execute(db)
  const [row] = rows
  return row && { ...row, recipients: listRecipients(row, row.recipients ?? {}), history: await listAttempts(db, id) }
}

const detailColumns = sql`
  q.scheduled_at AS "scheduledAt", q.message_id AS "messageId", q.dedup_key AS "dedupKey",
  q.claimed_by AS "claimedBy", q.claimed_at AS "claimedAt", q.leased_until AS "leasedUntil", q.rescues,
  q.when_ambiguous AS "whenAmbiguous",
  (SELECT mark.handed_over_at FROM fleet.email_handovers AS mark WHERE mark.token = q.claim_token) AS "handedOverAt",
  octet_length(q.body) AS "textBytes", coalesce(octet_length(q.html), 0) AS "htmlBytes",
  CASE WHEN jsonb_typeof(q.variables) = 'object' THEN ARRAY(SELECT jsonb_object_keys(q.variables) ORDER BY 1)
       ELSE '{}' END AS "variableNames",
  q.recipients`

/** What the mail says; undefined where no mail has that id. */
export async function showMailBody(db: Kysely<DB>, id: number): Promise<MailBody | undefined> {
  const { rows } = await sql<MailBody>`
    SELECT body AS text, html, variables FROM email_queue WHERE id = ${id}
     UNION ALL
    SELECT body, html, variables FROM fleet.email_archive WHERE id = ${id}`.execute(db)
  return rows[0]
}

function listRecipients(row: RecipientFields<string | null>, states: RecipientStates): MailRecipient[] {
  const to = parseRecipients(row.to)
  const cc = parseRecipients(row.cc)
  const bcc = parseRecipients(row.bcc)
  const parsed = { to, cc, bcc }
  const merged = mergeRecipients({ to: to.recipients, cc: cc.recipients, bcc: bcc.recipients })
  return (['to', 'cc', 'bcc'] as const).flatMap((field) => [
    ...merged[field].map(({ address, name }) => ({ field, address, name, ...stateOf(address, states) })),
    ...parsed[field].faults.map((fault) => invalidRecipient(field, fault)),
  ])
}

function stateOf(address: string, states: RecipientStates): Pick<MailRecipient, 'state' | 'reply' | 'errorClass'> {
  const known = Object.hasOwn(states, address) ? states[address] : undefined
  if (known === undefined) return { state: 'outstanding', reply: null, errorClass: null }
  return { state: known.state, reply: known.reply, errorClass: known.error_class ?? null }
}

function invalidRecipient(
  field: MailRecipient['field'],
  { given, reason }: Recipients['faults'][number],
): MailRecipient {
  const reply = `not an address we can write to: it ${reason}`
  return { field, address: given, name: '', state: 'refused', reply, errorClass: 'recipient_invalid' }
}
