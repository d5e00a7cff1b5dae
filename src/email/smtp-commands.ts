import { isAscii } from 'node:buffer'

export interface SmtpEnvelope {
  readonly from: string
  readonly to: readonly string[]
}

/** What a server offers beyond RFC 5321, as far as we use it. */
export interface ServerFeatures {
  readonly pipelining: boolean
  readonly smtpUtf8: boolean
  readonly eightBitMime: boolean
  readonly size: boolean
  /** Bytes; undefined where the server names no limit. */
  readonly maxMessageBytes: number | undefined
}

/** Reads the answer to EHLO; any other answer offers nothing. */
export function readFeatures(reply: string): ServerFeatures {
  const lines = reply.startsWith('250') ? reply.split(/\r?\n/).slice(1) : []
  const words = lines.map((line) => line.slice(4).trim().toUpperCase().split(/\s+/))
  const find = (keyword: string) => words.find(([word]) => word === keyword)
  return {
    pipelining: find('PIPELINING') !== undefined,
    smtpUtf8: find('SMTPUTF8') !== undefined,
    eightBitMime: find('8BITMIME') !== undefined,
    size: find('SIZE') !== undefined,
    maxMessageBytes: Number(find('SIZE')?.[1]) || undefined,
  }
}

const unwritable = /[\r\n<>]/
const international = /[\u0080-\uffff]/

/**
 * MAIL FROM, RCPT TO for each recipient, DATA: with their line ends, to be sent one by one or together. Throws on an address that
 * would end its command early: whoever made the envelope should have refused it.
 */
export function envelopeCommands({ from, to }: SmtpEnvelope, message: Buffer, features: ServerFeatures): string[] {
  if (unwritable.test(from)) throw new Error(`Invalid sender ${JSON.stringify(from)}`)
  let mail = `MAIL FROM:<${from}>`
  if (features.smtpUtf8 && (international.test(from) || to.some((address) => international.test(address)))) {
    mail += ' SMTPUTF8'
  }
  if (features.eightBitMime && !isAscii(message)) mail += ' BODY=8BITMIME'
  if (features.size) mail += ` SIZE=${message.length}`
  const commands = [`${mail}\r\n`]
  for (const address of to) {
    if (address === '' || unwritable.test(address)) throw new Error(`Invalid recipient ${JSON.stringify(address)}`)
    commands.push(`RCPT TO:<${address}>\r\n`)
  }
  if (to.length === 0) throw new Error('No recipients')
  commands.push('DATA\r\n')
  return commands
}

/** A line that starts with a dot, or a line end that is not CRLF, some server's word for the end of a message. */
const irregular = /\n\.|(?<!\r)\n|\r(?!\n)/

/** A message as it follows DATA, without its end: line ends are CRLF, dots at the start of a line doubled (RFC 5321, 4.5.2). */
export function transparent(message: Buffer): Buffer {
  const text = message.toString('latin1')
  if (!text.startsWith('.') && !irregular.test(text)) return message
  return Buffer.from(text.replace(/\r\n|\r|\n/g, '\r\n').replace(/(^|\n)\./g, '$1..'), 'latin1')
}

/** What ends a message. */
export function endOf(message: Buffer): string {
  return message.at(-1) === 0x0a ? '.\r\n' : '\r\n.\r\n'
}
