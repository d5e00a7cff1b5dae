import type { ErrorClass } from './error-class.ts'
import type { SmtpReply } from './smtp-exchange.ts'

/** The step a reply answered. */
export type ReplyStep = 'mail' | 'recipient' | 'message'

export interface ReplyClass {
  readonly verdict: 'accepted' | 'soft' | 'hard'
  readonly errorClass: ErrorClass
}

/** RFC 3463 subjects and details, without the class digit; `*` is any detail not listed. */
const byEnhanced: Readonly<Record<string, ErrorClass>> = {
  '1.1': 'recipient_unknown',
  '1.2': 'domain_unknown',
  '1.6': 'recipient_unknown',
  '1.7': 'sender_refused',
  '1.8': 'sender_refused',
  '1.10': 'domain_unknown',
  '1.*': 'recipient_invalid',
  '2.2': 'mailbox_full',
  '2.3': 'too_large',
  '2.*': 'mailbox_unavailable',
  '3.4': 'too_large',
  '3.*': 'server_unavailable',
  '4.*': 'network',
  '5.3': 'too_many_recipients',
  '5.*': 'protocol',
  '6.7': 'smtputf8_unsupported',
  '6.*': 'content_rejected',
  '7.*': 'policy_refused',
}

/** RFC 5321 section 4.2.3, for servers that give no enhanced code. */
const byCode: Readonly<Record<number, Readonly<Record<ReplyStep, ErrorClass>>>> = {
  421: { mail: 'server_unavailable', recipient: 'server_unavailable', message: 'server_unavailable' },
  450: { mail: 'server_unavailable', recipient: 'mailbox_unavailable', message: 'server_unavailable' },
  452: { mail: 'server_unavailable', recipient: 'too_many_recipients', message: 'server_unavailable' },
  530: { mail: 'sender_refused', recipient: 'policy_refused', message: 'policy_refused' },
  550: { mail: 'sender_refused', recipient: 'recipient_unknown', message: 'content_rejected' },
  551: { mail: 'sender_refused', recipient: 'recipient_unknown', message: 'content_rejected' },
  552: { mail: 'too_large', recipient: 'too_many_recipients', message: 'too_large' },
  553: { mail: 'sender_refused', recipient: 'recipient_invalid', message: 'content_rejected' },
  554: { mail: 'sender_refused', recipient: 'policy_refused', message: 'content_rejected' },
  556: { mail: 'sender_refused', recipient: 'domain_unknown', message: 'content_rejected' },
}

/**
 * Reads a reply: the enhanced code decides where there is one (RFC 3463), also about whether the failure is lasting. Too many
 * recipients at once is never lasting, also where the server says 552 (RFC 5321 section 4.5.3.1.10).
 */
export function classifyReply(reply: SmtpReply, step: ReplyStep): ReplyClass {
  const errorClass = subjectOf(reply, step)
  if (reply.code < 300) return { verdict: 'accepted', errorClass }
  const digit = Number(reply.enhanced?.[0] ?? String(reply.code)[0])
  return { verdict: digit === 5 && errorClass !== 'too_many_recipients' ? 'hard' : 'soft', errorClass }
}

function subjectOf({ code, enhanced }: SmtpReply, step: ReplyStep): ErrorClass {
  if (enhanced !== undefined) {
    const [, subject, detail] = enhanced.split('.')
    const found = byEnhanced[`${subject}.${detail}`] ?? byEnhanced[`${subject}.*`]
    if (found) return found
  }
  const found = byCode[code]?.[step]
  if (found) return found
  if (code >= 500 && code < 510) return 'protocol'
  return 'server_unavailable'
}
