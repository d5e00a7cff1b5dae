import { holdsControlCharacter, type Mailbox, readMailbox } from '../runtime/mail-address.ts'
import { splitAddressList } from './address-list.ts'

/** A part of a recipients' field that no mail can be sent to. `reason` continues a sentence: `"x@" has no domain`. */
interface AddressFault {
  /** The part as it was written, cut to 120 characters and made printable. */
  readonly given: string
  readonly reason: string
}

export interface Recipients {
  /** In the order of the text, duplicates included. */
  readonly recipients: readonly Mailbox[]
  readonly faults: readonly AddressFault[]
}

export interface RecipientFields<T> {
  readonly to: T
  readonly cc: T
  readonly bcc: T
}

const givenCharacters = 120

/**
 * Reads a field such as `"Иванов, Пётр" <a@b.ru>, c@d.org; e@f.org`. Null and blank text hold no recipients and no faults. Never throws.
 * Every address in the text comes back as a recipient or within a fault; none is dropped. A control character anywhere (CR or LF could
 * inject a header) makes the whole field one fault. Own reading, because nodemailer's address parser repairs: of `a@b.org c@d.org` it
 * keeps one address, of `"Ivan a@b.org, c@d.org` it makes another.
 */
export function parseRecipients(text: string | null): Recipients {
  if (text === null || text.trim() === '') return { recipients: [], faults: [] }
  if (holdsControlCharacter(text))
    return { recipients: [], faults: [{ given: printable(text), reason: 'holds a control character' }] }
  const recipients: Mailbox[] = []
  const faults: AddressFault[] = []
  for (const entry of splitAddressList(text)) {
    const reading = entry.reason === undefined ? readMailbox(entry.text) : { reason: entry.reason }
    if ('reason' in reading) faults.push({ given: printable(entry.text), reason: reading.reason })
    else recipients.push(reading.value)
  }
  return { recipients, faults }
}

/**
 * Names every address once: the first place, in the order to, cc, bcc, keeps it, with its name. `envelope` lists the addresses for
 * RCPT TO in that order. Addresses are the same when they are equal to the letter, their domains being in lower case already.
 */
export function mergeRecipients(
  fields: RecipientFields<readonly Mailbox[]>,
): RecipientFields<Mailbox[]> & { envelope: string[] } {
  const seen = new Set<string>()
  const unseen = ({ address }: Mailbox): boolean => {
    if (seen.has(address)) return false
    seen.add(address)
    return true
  }
  const to = fields.to.filter(unseen)
  const cc = fields.cc.filter(unseen)
  const bcc = fields.bcc.filter(unseen)
  return { to, cc, bcc, envelope: [...to, ...cc, ...bcc].map(({ address }) => address) }
}

function printable(text: string): string {
  const cut = text.length > givenCharacters ? `${text.slice(0, givenCharacters - 1)}…` : text
  return cut
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
