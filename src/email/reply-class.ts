import type { SmtpReply } from './smtp-exchange.ts'

/** The step a reply answered. */
export type ReplyStep = 'mail' | 'recipient' | 'message'

export interface ReplyClass {
  /** `sender`: the refusal is about us, not about the mail. */
  readonly verdict: 'accepted' | 'soft' | 'hard' | 'sender'
  /** What operators filter by. */
  readonly errorClass: string
  /** The same in words. */
  readonly words: string
}

type Subject = readonly [errorClass: string, words: string]

const sender: Subject = ['sender_refused', 'the server does not take mail from our sender address']
const unknown: Subject = ['recipient_unknown', 'no such mailbox']
const invalid: Subject = ['recipient_invalid', 'the server calls the address invalid']
const domain: Subject = ['domain_unknown', 'the domain takes no mail']
const disabled: Subject = ['mailbox_disabled', 'the mailbox is disabled']
const full: Subject = ['mailbox_full', 'the mailbox is full']
const mailbox: Subject = ['mailbox_unavailable', 'the mailbox is not available']
const large: Subject = ['too_large', 'the message is larger than the server takes']
const server: Subject = ['server_unavailable', 'the server cannot take mail now']
const network: Subject = ['network', 'the server cannot reach the next one']
const tooMany: Subject = ['too_many_recipients', 'too many recipients at once']
const protocol: Subject = ['protocol', 'the server did not understand']
const content: Subject = ['content_rejected', 'the server rejected the content']
const utf8: Subject = ['smtputf8_unsupported', 'the server does not take international addresses']
const policy: Subject = ['policy_refused', "refused by the server's policy"]

/** RFC 3463 subjects and details, without the class digit; `*` is any detail not listed. */
const byEnhanced: Readonly<Record<string, Subject>> = {
  '1.1': unknown,
  '1.2': domain,
  '1.6': unknown,
  '1.7': sender,
  '1.8': sender,
  '1.10': domain,
  '1.*': invalid,
  '2.1': disabled,
  '2.2': full,
  '2.3': large,
  '2.*': mailbox,
  '3.4': large,
  '3.*': server,
  '4.*': network,
  '5.3': tooMany,
  '5.*': protocol,
  '6.7': utf8,
  '6.*': content,
  '7.*': policy,
}

/** RFC 5321 section 4.2.3, for servers that give no enhanced code. */
const byCode: Readonly<Record<number, Readonly<Record<ReplyStep, Subject>>>> = {
  421: { mail: server, recipient: server, message: server },
  450: { mail: sender, recipient: mailbox, message: server },
  452: { mail: server, recipient: tooMany, message: server },
  550: { mail: sender, recipient: unknown, message: content },
  551: { mail: sender, recipient: unknown, message: content },
  552: { mail: large, recipient: full, message: large },
  553: { mail: sender, recipient: invalid, message: content },
  554: { mail: sender, recipient: policy, message: content },
  556: { mail: sender, recipient: domain, message: content },
}

/**
 * Reads a reply: the enhanced code decides where there is one (RFC 3463), also about whether the failure is lasting. A bare 552 to a
 * recipient is temporary (RFC 5321 section 4.5.3.1.10).
 */
export function classifyReply(reply: SmtpReply, step: ReplyStep): ReplyClass {
  const [errorClass, words] = subjectOf(reply, step)
  const digit = Number(reply.enhanced?.[0] ?? String(reply.code)[0])
  if (digit === 2 && reply.code < 300) return { verdict: 'accepted', errorClass, words }
  if (aboutUs(reply, errorClass)) return { verdict: 'sender', errorClass, words }
  const temporary = reply.code === 552 && reply.enhanced === undefined && step === 'recipient'
  return { verdict: digit === 5 && !temporary ? 'hard' : 'soft', errorClass, words }
}

function subjectOf({ code, enhanced }: SmtpReply, step: ReplyStep): Subject {
  if (enhanced !== undefined) {
    const [, subject, detail] = enhanced.split('.')
    const found = byEnhanced[`${subject}.${detail}`] ?? byEnhanced[`${subject}.*`]
    if (found) return found
  }
  const found = byCode[code]?.[step]
  if (found) return found
  if (code >= 500 && code < 510) return protocol
  return server
}

/** Authentication or encryption wanted, or the sender address refused, whenever the server comes to say so. */
function aboutUs({ code }: SmtpReply, errorClass: string): boolean {
  return errorClass === sender[0] || code === 530 || code === 535 || code === 538
}
