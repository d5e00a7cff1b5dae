import fc from 'fast-check'
import type { Insertable, Kysely } from 'kysely'
import type { DB, EmailQueue } from '../../src/db/schema.ts'
import { endedStatuses } from '../../src/email/archive-store.ts'
import { readAddressPattern } from '../../src/ops/address-pattern.ts'
import { type EmailStatus, emailStatuses } from '../../src/ops/email-status.ts'
import type { MailFilter } from '../../src/ops/mail-filter.ts'
import { archiveEnded } from './mails.ts'

interface Mailbox {
  readonly name: string
  readonly address: string
}

/** A mail as its parts, so that what a filter means can be told without reading the texts made of them. */
export interface RandomMail {
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[] | null
  readonly bcc: readonly Mailbox[] | null
  readonly separator: string
  readonly status: EmailStatus
  readonly changedAt: Date
  readonly template: string | null
  readonly errorClass: string | null
  readonly lastError: string | null
  readonly priority: number | null
  /** In the archive, if it has ended. */
  readonly archived: boolean
}

/** A filter, with its `to` as text. */
export type RandomFilter = Omit<MailFilter, 'ids' | 'to'> & { readonly to?: string | undefined }

const addresses = ['ann@example.org', 'ANN@Example.Org', 'joann@example.org', 'a_n@example.org', 'axn@sub.example.org']
const names = ['', 'Ann', '"Doe, Ann"', '"ann@example.org"', '"x <ann@example.org> y"', '"a \\" b"', 'Иванов Пётр']
const errors = ['100% refused', '100 refused', 'a_b', 'axb', 'C:\\temp', 'ПОЧТА refused']
const texts = ['%', '100% r', 'A_B', 'c:\\T', 'почта', 'refused', 'none of them']
const templates = ['subscription_expired', 'subscriptionxexpired']
const errorClasses = ['timeout', 'Timeout', 'too_large']

const hour = fc.nat(48).map((hours) => new Date(Date.UTC(2026, 10, 20, hours)))
const field = fc.array(fc.record({ name: fc.constantFrom(...names), address: fc.constantFrom(...addresses) }), {
  minLength: 1,
  maxLength: 3,
})

export const randomMail: fc.Arbitrary<RandomMail> = fc.record({
  to: field,
  cc: fc.option(field),
  bcc: fc.option(field),
  separator: fc.constantFrom(', ', ',', '; ', ' , '),
  status: fc.constantFrom(...emailStatuses),
  changedAt: hour,
  template: fc.option(fc.constantFrom(...templates)),
  errorClass: fc.option(fc.constantFrom(...errorClasses)),
  lastError: fc.option(fc.constantFrom(...errors)),
  priority: fc.constantFrom(null, -3, 1, 5, 10, 99),
  archived: fc.boolean(),
})

export const randomFilter: fc.Arbitrary<RandomFilter> = fc.record(
  {
    statuses: fc.subarray([...emailStatuses], { minLength: 1 }),
    since: hour,
    until: hour,
    to: fc.constantFrom(
      'ann@example.org',
      'Ann@EXAMPLE.org',
      'a_n@example.org',
      '@example.org',
      '@Sub.Example.org',
      '@org',
    ),
    templateId: fc.constantFrom(...templates),
    errorClass: fc.constantFrom(...errorClasses),
    errorText: fc.constantFrom(...texts),
    priorities: fc.subarray([1, 5, 10], { minLength: 1 }),
  },
  { requiredKeys: [] },
)

/** Inserts the mails with the ids 1 and up, each into the table where it is. */
export async function insertRandomMails(db: Kysely<DB>, mails: readonly RandomMail[]): Promise<void> {
  const rows = mails.map((mail, index) => ({ mail, row: { ...toRow(mail), id: index + 1 } }))
  const insert = async (archived: boolean) => {
    const wanted = rows.filter(({ mail }) => isArchived(mail) === archived).map(({ row }) => row)
    if (wanted.length > 0) await db.insertInto('email_queue').values(wanted).execute()
  }
  await insert(true)
  await archiveEnded(db)
  await insert(false)
}

/** Whether the mail is in the archive: nothing is there that has not ended. */
export function isArchived({ archived, status }: RandomMail): boolean {
  return archived && endedStatuses.some((ended) => ended === status)
}

function toRow(mail: RandomMail): Insertable<EmailQueue> {
  const { to, cc, bcc, separator, changedAt } = mail
  const text = (mailboxes: readonly Mailbox[] | null) =>
    mailboxes?.map(({ name, address }) => (name === '' ? address : `${name} <${address}>`)).join(separator)
  return {
    recipient_to: text(to) ?? '',
    recipient_cc: text(cc) ?? null,
    recipient_bcc: text(bcc) ?? null,
    subject: 'Hello',
    body: 'Text',
    status: mail.status,
    created_at: new Date(0),
    updated_at: changedAt,
    template_id: mail.template,
    error_class: mail.errorClass,
    last_error: mail.lastError,
    priority: mail.priority,
  }
}

export function toMailFilter({ to, ...filter }: RandomFilter): MailFilter {
  const pattern = to === undefined ? undefined : readAddressPattern(to)
  if (pattern && 'reason' in pattern) throw new Error(pattern.reason)
  return { ...filter, to: pattern?.value }
}

/** What the filter means, without SQL. */
export function isMeant(mail: RandomMail, filter: RandomFilter): boolean {
  const { statuses, since, until, to, templateId, errorClass, errorText, priorities } = filter
  const priority = Math.min(10, Math.max(1, mail.priority ?? 5))
  return (
    (statuses?.includes(mail.status) ?? true) &&
    (since === undefined || mail.changedAt >= since) &&
    (until === undefined || mail.changedAt < until) &&
    (to === undefined || goesTo(mail, to.toLowerCase())) &&
    (templateId === undefined || mail.template === templateId) &&
    (errorClass === undefined || mail.errorClass === errorClass) &&
    (errorText === undefined || (mail.lastError?.toLowerCase().includes(errorText.toLowerCase()) ?? false)) &&
    (priorities?.includes(priority) ?? true)
  )
}

function goesTo({ to, cc, bcc }: RandomMail, wanted: string): boolean {
  return [to, cc ?? [], bcc ?? []].flat().some(({ address }) => {
    const [local, domain] = address.toLowerCase().split('@')
    return wanted === `@${domain}` || wanted === `${local}@${domain}`
  })
}
