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
 * large or an address needs SMTPUTF8: an outage. After that each recipient is judged by its own answer and, if accepted, by the answer
 * to the message. `sent` means that all of them, counting earlier attempts, have been accepted.
 */
export function judge(exchange: SmtpExchange, known: RecipientStates): Judgement {
  switch (exchange.stage) {
    case 'connect':
    case 'login':
      return { outcome: outage(exchange), recipients: known }
    case 'mail':
      return { outcome: judgeSender(exchange), recipients: known }
    case 'recipients':
    case 'data':
    case 'body':
    case 'handed_over':
      return judgeRecipients(exchange, known)
    default:
      return assertNever(exchange.stage)
  }
}

/** The outcome that the recipients' states amount to; `progress` says that this attempt got the mail to somebody. */
export function conclude(recipients: RecipientStates, { progress }: { readonly progress: boolean }): Outcome {
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
  const answerLost = deferred.some(([, { error_class }]) => error_class === 'answer_lost')
  return answerLost
    ? { kind: 'ambiguous', errorClass: 'answer_lost', reason }
    : { kind: 'soft_failure', errorClass, reason }
}

/** What a refused MAIL FROM says of the mail itself, for when it is known to be the mail's own fault. */
export function blameMail({ mail, fault }: SmtpExchange): Outcome {
  if (mail === undefined) return { kind: 'soft_failure', ...fromFault({ stage: 'body', fault }) }
  const { errorClass, verdict } = classifyReply(mail, 'mail')
  const reason = `${capital(errorClasses[errorClass])} (${formatReply(mail)})`
  return { kind: verdict === 'hard' ? 'hard_failure' : 'soft_failure', errorClass, reason }
}

function judgeSender(exchange: SmtpExchange): Outcome {
  if (exchange.mail === undefined) return outage(exchange)
  const { errorClass } = classifyReply(exchange.mail, 'mail')
  const aboutMail = errorClass === 'too_large' || errorClass === 'smtputf8_unsupported'
  return aboutMail ? blameMail(exchange) : outage(exchange)
}

function judgeRecipients(exchange: SmtpExchange, known: RecipientStates): Judgement {
  const offered = exchange.recipients.map(({ address, reply }) => [address, recipientState(exchange, reply)] as const)
  const recipients = { ...known, ...Object.fromEntries(offered) }
  const progress = offered.some(([, { state }]) => state === 'accepted')
  return { outcome: conclude(recipients, { progress }), recipients }
}

function recipientState(exchange: SmtpExchange, reply: SmtpReply | undefined): RecipientState {
  const own = reply && classifyReply(reply, 'recipient')
  if (reply && own && own.verdict !== 'accepted') return fromReply(reply, own)
  if (!own || exchange.message === undefined) {
    const { errorClass, reason } = fromFault(exchange)
    return { state: 'deferred', reply: reason, error_class: errorClass }
  }
  return fromReply(exchange.message, classifyReply(exchange.message, 'message'))
}

function fromReply(reply: SmtpReply, { verdict, errorClass }: ReplyClass): RecipientState {
  const text = formatReply(reply)
  if (verdict === 'accepted') return { state: 'accepted', reply: text }
  const state = verdict === 'hard' ? 'refused' : 'deferred'
  return { state, reply: `${errorClasses[errorClass]} (${text})`, error_class: errorClass }
}

function fromFault({ stage, fault }: Pick<SmtpExchange, 'stage' | 'fault'>): {
  errorClass: ErrorClass
  reason: string
} {
  const errorClass =
    stage === 'handed_over' ? 'answer_lost' : fault?.code === 'ETIMEDOUT' ? 'timeout' : 'connection_lost'
  return { errorClass, reason: errorClasses[errorClass] }
}

function outage(exchange: SmtpExchange): Outcome {
  const { fault, mail } = exchange
  const reply = mail ?? fault?.reply
  const errorClass = outageClass(exchange)
  const said = reply ? formatReply(reply) : (fault?.message ?? 'no answer')
  return { kind: 'outage', errorClass, reason: `${capital(errorClasses[errorClass])}: ${said}`, retryAfterMs: 0 }
}

function outageClass({ stage, fault, mail }: SmtpExchange): ErrorClass {
  if (stage === 'mail' && mail) {
    const { verdict, errorClass } = classifyReply(mail, 'mail')
    return verdict === 'hard' && mail.code !== 503 ? 'sender_refused' : errorClass
  }
  if (stage === 'login' && fault?.reply) return 'login_refused'
  // It answered, if only to turn us away.
  if (fault?.reply) return 'server_unavailable'
  return connectionClass(fault)
}

function connectionClass(fault: SmtpFault | undefined): ErrorClass {
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
