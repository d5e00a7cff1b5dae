import { oneLine } from './one-line.ts'

/** One answer of an SMTP server. */
export interface SmtpReply {
  /** Three digits, RFC 5321 section 4.2. */
  readonly code: number
  /** Such as `5.1.1`, where the server gives one (RFC 3463, RFC 2034). */
  readonly enhanced: string | undefined
  /** The rest, on one line, without control characters. */
  readonly text: string
}

/**
 * How far an exchange came. Everything up to `mail` is about us; `body` means that the server said go on and the message was under
 * way; `handed_over` that it had it all, final dot included, so that without an answer nobody knows.
 */
export type SmtpStage = 'connect' | 'login' | 'mail' | 'recipients' | 'data' | 'body' | 'handed_over'

/** What was said while one message was offered to a server. */
export interface SmtpExchange {
  /** The step that ended it, or `handed_over` when the server answered to the whole message. */
  readonly stage: SmtpStage
  /** The answer to MAIL FROM. */
  readonly mail: SmtpReply | undefined
  /** Each recipient offered, with the answer to its RCPT TO. */
  readonly recipients: readonly { readonly address: string; readonly reply: SmtpReply | undefined }[]
  /** The answer to DATA, or to the message where that was sent; at `body` one that came before the message was through. */
  readonly message: SmtpReply | undefined
  /** Why the exchange ended without the answer that was due. */
  readonly fault: SmtpFault | undefined
}

export interface SmtpFault {
  /**
   * Node's or nodemailer's code, such as `ECONNREFUSED`, `ETIMEDOUT`, `ETLS`, `EAUTH`; `EPROTOCOL` when the server spoke out of turn,
   * `ESTOPPED` when the lane was closed, `EWITHDRAWN` when its mail was withdrawn.
   */
  readonly code: string
  readonly message: string
  /** The server's answer where there was one: a greeting, a refused login, a 421. */
  readonly reply: SmtpReply | undefined
}

const longestText = 500

/** Reads a server's answer; multi-line answers are joined. */
export function parseReply(raw: string): SmtpReply | undefined {
  const lines = raw.split(/\r?\n/).filter((line) => line.trim() !== '')
  const code = /^(\d{3})/.exec(lines[0] ?? '')?.[1]
  if (code === undefined) return undefined
  const parts = lines.map((line) => line.replace(/^\d{3}[ -]?/, ''))
  const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/.exec(parts[0] ?? '')?.[1]
  const text = parts.map((part) => (enhanced && part.startsWith(enhanced) ? part.slice(enhanced.length) : part))
  return { code: Number(code), enhanced, text: brief(text.join(' ')) }
}

/** As an operator reads it: `550 5.1.1 no such user`. */
export function formatReply({ code, enhanced, text }: SmtpReply): string {
  return [String(code), enhanced, text].filter((part) => part !== undefined && part !== '').join(' ')
}

/**
 * Makes an exchange of the server's answers to the envelope in their order: to MAIL FROM, to each recipient, to DATA; and of what became
 * of the message then.
 */
export function readExchange(
  to: readonly string[],
  replies: readonly SmtpReply[],
  { handedOver, answer, fault }: { handedOver: boolean; answer: SmtpReply | undefined; fault: SmtpFault | undefined },
): SmtpExchange {
  const [mail] = replies
  const recipients = to.map((address, index) => ({ address, reply: replies[index + 1] }))
  const data = replies[to.length + 1]
  const common = { mail, recipients, message: undefined, fault }
  if (mail === undefined || mail.code >= 300) return { ...common, stage: 'mail' }
  const anyone = recipients.some(({ reply }) => reply !== undefined && reply.code < 300)
  if (!anyone || recipients.some(({ reply }) => reply === undefined)) return { ...common, stage: 'recipients' }
  if (data === undefined || data.code >= 400) return { ...common, stage: 'data', message: data }
  return { ...common, stage: handedOver ? 'handed_over' : 'body', message: answer }
}

/** The answer that decided what came of it: the first that refused, else the one to the message; undefined where there was none. */
export function decidingReply({ mail, recipients, message, fault }: SmtpExchange): SmtpReply | undefined {
  const answers = [mail, ...recipients.map(({ reply }) => reply), message, fault?.reply]
  // The answers to a message that was on its way do not tell what became of it.
  return answers.find((reply) => reply !== undefined && reply.code >= 400) ?? message
}

/** An exchange that ended before anything was said about the message. */
export function unsaid(to: readonly string[], stage: SmtpStage, fault: SmtpFault | undefined): SmtpExchange {
  const recipients = to.map((address) => ({ address, reply: undefined }))
  return { stage, mail: undefined, recipients, message: undefined, fault }
}

/** The one who offered the message took it back before it was handed over. */
export const withdrawn: SmtpFault = {
  code: 'EWITHDRAWN',
  message: 'Withdrawn before it was handed over',
  reply: undefined,
}

/** Ended by the server, or by the network. */
export const connectionClosed: SmtpFault = {
  code: 'ECONNECTION',
  message: 'The server closed the connection',
  reply: undefined,
}

/** What a broken connection leaves behind. */
export function faultOf(error: Error & { code?: string; response?: string | false }): SmtpFault {
  const reply = error.response ? parseReply(error.response) : undefined
  return { code: error.code ?? 'EUNKNOWN', message: brief(error.message), reply }
}

/** Cutting may split a surrogate pair, which JSON in PostgreSQL refuses. */
function brief(text: string): string {
  return oneLine(text).replace(/\s+/g, ' ').trim().slice(0, longestText).toWellFormed()
}
