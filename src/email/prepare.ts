import type { Outcome } from '../queue/outcome.ts'
import { mergeRecipients, parseRecipients, type Recipients } from './addresses.ts'
import { composeMessage } from './compose.ts'
import { type DkimKey, signMessage } from './dkim.ts'
import { erasedAddress } from './erased.ts'
import type { ErrorClass } from './error-class.ts'
import { conclude, type RecipientState, type RecipientStates } from './policy.ts'
import { renderTemplate } from './render.ts'
import { divert, redirect, type Sandbox } from './sandbox.ts'
import type { SmtpEnvelope } from './smtp-commands.ts'
import type { EmailRow } from './store.ts'

export interface ComposeSettings {
  readonly from: { readonly name: string; readonly address: string }
  /** A composed message above this is not offered to any server. */
  readonly maxBytes: number
  readonly defaultLocale: 'ru' | 'en'
  readonly dkim: DkimKey | undefined
  readonly sandbox: Sandbox
}

export type Prepared =
  | {
      readonly kind: 'ready'
      readonly envelope: SmtpEnvelope
      readonly message: Buffer
      readonly subject: string
      readonly known: RecipientStates
    }
  | { readonly kind: 'refused'; readonly outcome: Outcome; readonly known: RecipientStates }

/**
 * Makes of a row the message for those who are still to get it, or says why there is none to send. At once for usual mail; a promise
 * comes back where nodemailer has to compose or to sign.
 */
export function prepare(row: EmailRow, settings: ComposeSettings, now: Date): Prepared | Promise<Prepared> {
  const { fields, known, outstanding } = recipientsOf(row)
  if (fields.envelope.length === 0 && Object.keys(known).length === 0) {
    return refused('no_recipient', 'The row names no recipient', known)
  }
  if (outstanding.length === 0) return { kind: 'refused', outcome: conclude(known, { progress: false }), known }

  const diversion = divert(outstanding, settings.sandbox)
  if (diversion.kind === 'held') return withheld(diversion.outside, known)
  const content = contentOf(row, settings.defaultLocale)
  if (content.kind === 'refused') return refused(content.errorClass, content.reason, known)
  const { subject, text, html } = content
  const { from, maxBytes, dkim } = settings
  const { to, cc } = fields
  const plain = { from, to, cc, subject, text, html, messageId: row.message_id, date: now }
  const draft = diversion.kind === 'redirected' ? redirect(plain, { to: diversion.to, addresses: outstanding }) : plain
  const receivers = diversion.kind === 'redirected' ? [diversion.to.address] : outstanding
  const ready = (message: Buffer): Prepared => {
    return { kind: 'ready', envelope: { from: from.address, to: receivers }, message, subject: draft.subject, known }
  }
  const complete = (composed: Buffer): Prepared | Promise<Prepared> => {
    if (composed.length <= maxBytes) return dkim ? signMessage(composed, dkim).then(ready) : ready(composed)
    const reason = `The message has ${composed.length} bytes; EMAIL_MAX_BYTES allows ${maxBytes}`
    return refused('too_large', reason, known)
  }
  const composed = composeMessage(draft)
  return composed instanceof Promise ? composed.then(complete) : complete(composed)
}

function recipientsOf(row: EmailRow) {
  const to = parseRecipients(row.recipient_to)
  const cc = parseRecipients(row.recipient_cc)
  const bcc = parseRecipients(row.recipient_bcc)
  const remaining = ({ recipients }: Recipients) => recipients.filter(({ address }) => address !== erasedAddress)
  const fields = mergeRecipients({ to: remaining(to), cc: remaining(cc), bcc: remaining(bcc) })
  const faults = [to, cc, bcc].flatMap((field) => field.faults)
  const invalid = faults.map(({ given, reason }): [string, RecipientState] => [
    given,
    { state: 'refused', reply: `not an address we can write to: it ${reason}`, error_class: 'recipient_invalid' },
  ])
  const before = row.recipients ?? {}
  const answered = fields.envelope.flatMap((address): [string, RecipientState][] => {
    const state = before[address]
    return state && state.state !== 'deferred' ? [[address, state]] : []
  })
  const known: RecipientStates = Object.fromEntries([...answered, ...invalid])
  return { fields, known, outstanding: fields.envelope.filter((address) => !Object.hasOwn(known, address)) }
}

type Content =
  | { readonly kind: 'content'; readonly subject: string; readonly text: string; readonly html: string | null }
  | { readonly kind: 'refused'; readonly errorClass: ErrorClass; readonly reason: string }

function contentOf(row: EmailRow, defaultLocale: 'ru' | 'en'): Content {
  if (row.template_id === null) return { kind: 'content', subject: row.subject, text: row.body, html: row.html }
  const rendered = renderTemplate({ templateId: row.template_id, variables: row.variables, defaultLocale })
  return rendered.kind === 'rendered' ? { ...rendered, kind: 'content' } : rendered
}

/** A test installation keeps it back; whoever releases it there finds it held again. */
function withheld(outside: readonly string[], known: RecipientStates): Prepared {
  const [first, ...others] = outside
  const whom = others.length === 0 ? first : `${first} and ${others.length} others`
  const reason = `EMAIL_ALLOWLIST does not allow mail to ${whom}`
  return { kind: 'refused', outcome: { kind: 'skipped', errorClass: 'not_allowed', reason, holds: true }, known }
}

function refused(errorClass: ErrorClass, reason: string, known: RecipientStates): Prepared {
  return { kind: 'refused', outcome: { kind: 'hard_failure', errorClass, reason }, known }
}
