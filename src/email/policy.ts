import type { Outcome } from '../queue/outcome.ts'
import { assertNever } from '../runtime/assert-never.ts'
import { type ErrorClass, errorClasses } from './error-class.ts'
import { classifyReply, type ReplyClass } from './reply-class.ts'
import { formatReply, type SmtpExchange, type SmtpFault, type SmtpReply } from './smtp-exchange.ts'

/** What is known of one recipient; recorded in `email_queue.recipients` under the address. */
export interface RecipientState {
  readonly state: 'accepted' | 'deferred' | 'refused'
  /** The server's answer, or why none was asked for. */
  readonly reply: string
  readonly error_class?: ErrorClass
}

export type RecipientStates = Readonly<Record<string, RecipientState>>

export interface Judgement {
  readonly outcome: Outcome
  /** All that is known after this attempt, what was known before included. */
  readonly recipients: RecipientStates
}

const tooManyRetryMs = 1_000

/**
 * Decides what came of offering a message to a server.
 *
 * Whatever happens up to and including the answer to MAIL FROM is about us and not about the mail, except where the message is too
 * large or an address needs SMTPUTF8: an outage. After that each recipient is judged by its own answer and, if accepted, by the answer to the
 * message. `sent` means that all of them, counting earlier attempts, have been accepted.
 */
export function judge(exchange: SmtpExchange, known: RecipientStates): Judgement {
  switch (exchange.stage) {
    case 'connect':
    case 'login':
      return { outcome: outage(exchange), recipients: known }
    case 'mail':
      return judgeSender(exchange, known)
    case 'recipients':
    case 'data':
    case 'body':
    case 'handed_over':
      return judgeRecipients(exchange, known)
    default:
      return assertNever(exchange.stage)
  }
}

/** The outcome that the recipients' states amount to, when no server needs to be asked (any more). */
export function conclude(recipients: RecipientStates, progress: boolean): Outcome {
  const entries = Object.entries(recipients)
  const deferred = entries.filter(([, { state }]) => state === 'deferred')
  const refused = entries.filter(([, { state }]) => state === 'refused')
  const [first] = [...deferred, ...refused]
  if (first === undefined) return { kind: 'sent' }
  const errorClass = first[1].error_class ?? 'internal'
  const reason = describe(entries)
  if (deferred.length === 0) return { kind: 'hard_failure', errorClass, reason }
  // As many as the server takes at once have it; the next ones follow, and that is nobody's failure (RFC 5321, 4.5.3.1.10).
  const onlyTooMany = deferred.every(([, { error_class }]) => error_class === 'too_many_recipients')
  if (progress && onlyTooMany) return { kind: 'throttled', errorClass, reason, retryAfterMs: tooManyRetryMs }
  if (deferred.some(([, { error_class }]) => error_class === 'answer_lost')) {
    return { kind: 'ambiguous', errorClass: 'answer_lost', reason }
  }
  return { kind: 'soft_failure', errorClass, reason }
}

function judgeSender(exchange: SmtpExchange, known: RecipientStates): Judgement {
  const { mail } = exchange
  if (mail === undefined) return { outcome: outage(exchange), recipients: known }
  const { errorClass, verdict } = classifyReply(mail, 'mail')
  if (errorClass !== 'too_large' && errorClass !== 'smtputf8_unsupported') {
    return { outcome: outage(exchange), recipients: known }
  }
  const reason = `${capital(errorClasses[errorClass])} (${formatReply(mail)})`
  return {
    outcome: { kind: verdict === 'hard' ? 'hard_failure' : 'soft_failure', errorClass, reason },
    recipients: known,
  }
}

function judgeRecipients(exchange: SmtpExchange, known: RecipientStates): Judgement {
  const offered = exchange.recipients.map(({ address, reply }) => [address, recipientState(exchange, reply)] as const)
  const aboutUs = offered.find(([, { verdict }]) => verdict === 'sender')
  if (aboutUs !== undefined) {
    const { reply, errorClass } = aboutUs[1]
    return {
      outcome: { kind: 'outage', errorClass, reason: `The server refuses us: ${reply}`, retryAfterMs: 0 },
      recipients: known,
    }
  }
  const recipients = {
    ...known,
    ...Object.fromEntries(
      offered.map(([address, { state, reply, errorClass }]) => [address, toState(state, reply, errorClass)]),
    ),
  }
  const progress = offered.some(([, { state }]) => state === 'accepted')
  return { outcome: conclude(recipients, progress), recipients }
}

interface Judged {
  readonly state: RecipientState['state']
  readonly verdict: ReplyClass['verdict']
  readonly reply: string
  readonly errorClass: ErrorClass
}

function recipientState(exchange: SmtpExchange, reply: SmtpReply | undefined): Judged {
  if (reply === undefined) return fromFault(exchange)
  const own = classifyReply(reply, 'recipient')
  if (own.verdict !== 'accepted') return fromReply(reply, own)
  if (exchange.message === undefined) return fromFault(exchange)
  return fromReply(exchange.message, classifyReply(exchange.message, 'message'))
}

function fromReply(reply: SmtpReply, { verdict, errorClass }: ReplyClass): Judged {
  const text = formatReply(reply)
  if (verdict === 'accepted') return { state: 'accepted', verdict, reply: text, errorClass }
  return {
    state: verdict === 'hard' ? 'refused' : 'deferred',
    verdict,
    reply: `${errorClasses[errorClass]} (${text})`,
    errorClass,
  }
}

function fromFault({ stage, fault }: SmtpExchange): Judged {
  const errorClass =
    stage === 'handed_over' ? 'answer_lost' : fault?.code === 'ETIMEDOUT' ? 'timeout' : 'connection_lost'
  return { state: 'deferred', verdict: 'soft', errorClass, reply: errorClasses[errorClass] }
}

function toState(state: RecipientState['state'], reply: string, errorClass: ErrorClass): RecipientState {
  return state === 'accepted' ? { state, reply } : { state, reply, error_class: errorClass }
}

function outage({ stage, fault, mail }: SmtpExchange): Outcome {
  const errorClass =
    stage === 'login' ? 'login_refused' : stage === 'mail' && mail ? 'sender_refused' : faultClass(fault)
  const reply = mail ?? fault?.reply
  const said = reply ? formatReply(reply) : (fault?.message ?? 'no answer')
  return { kind: 'outage', errorClass, reason: `${capital(errorClasses[errorClass])}: ${said}`, retryAfterMs: 0 }
}

function faultClass(fault: SmtpFault | undefined): ErrorClass {
  if (fault?.code === 'ETIMEDOUT') return 'timeout'
  return fault?.code === 'ETLS' ? 'tls' : 'unreachable'
}

/** At most this many are named; the rest is in `recipients`. */
const named = 5

function describe(entries: readonly (readonly [string, RecipientState])[]): string {
  const troubled = entries.filter(([, { state }]) => state !== 'accepted')
  const parts = troubled.slice(0, named).map(([address, { state, reply }]) => `${address} ${state}: ${reply}`)
  if (troubled.length > named) parts.push(`and ${troubled.length - named} more`)
  const accepted = entries.length - troubled.length
  if (accepted > 0) parts.push(`accepted for ${accepted} of ${entries.length}`)
  return parts.join('; ')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
