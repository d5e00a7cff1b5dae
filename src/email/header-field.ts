import type { Mailbox } from '../runtime/mail-address.ts'
import { oneLine } from './one-line.ts'

/** RFC 5322 2.1.1. */
const lineLength = 78
/** What fits on a line behind any name that text or a mailbox goes with. */
const longestWord = lineLength - 'Subject: '.length
/** Octets in an encoded word: three make four characters of base64, and the frame takes twelve (RFC 2047). */
const encodedWordOctets = Math.floor((longestWord - '=?UTF-8?B??='.length) / 4) * 3

const printableAscii = /^[\x20-\x7e]*$/
const atoms = /^\w+(?: \w+)*$/

/**
 * One header field with its line end, folded between words so that no line is longer than 78 characters, unless a single word is.
 * Words must be printable ASCII.
 */
export function headerField(name: string, words: readonly string[]): string {
  let field = `${name}:`
  let length = field.length
  let first = true
  for (const word of words) {
    const fits = first || length + 1 + word.length <= lineLength
    field += fits ? ` ${word}` : `\r\n ${word}`
    length = (fits ? length : 0) + 1 + word.length
    first = false
  }
  return `${field}\r\n`
}

/**
 * A subject as words that read as it was written, on one line: as they are, or as encoded words where it is not ASCII, has blanks in a
 * row, which folding could lose, or looks like an encoded word itself. Empty for an empty subject.
 */
export function subjectWords(subject: string): string[] {
  const text = oneLine(subject)
  if (text === '') return []
  const words = text.split(' ')
  return isPlain(text) && words.every(({ length }) => length > 0 && length <= longestWord) ? words : encodedWords(text)
}

/** Mailboxes as words: the name, with quotes or encoded where it needs that, and the address, which must be a plain one. */
export function mailboxWords(mailboxes: readonly Mailbox[]): string[] {
  const last = mailboxes.length - 1
  return mailboxes.flatMap(({ name, address }, index) => {
    const comma = index < last ? ',' : ''
    const phrase = phraseWords(oneLine(name))
    return phrase.length === 0 ? [address + comma] : [...phrase, `<${address}>${comma}`]
  })
}

function phraseWords(name: string): string[] {
  if (name === '') return []
  if (!isPlain(name)) return encodedWords(name)
  const phrase = atoms.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
  return phrase.length <= longestWord ? [phrase] : encodedWords(name)
}

/** What looks like an encoded word would be decoded by the reader. */
function isPlain(text: string): boolean {
  return printableAscii.test(text) && !text.includes('=?')
}

/** Each holds whole characters, as RFC 2047 wants. */
function encodedWords(text: string): string[] {
  const octets = Buffer.from(text)
  const words: string[] = []
  for (let from = 0, to = 0; from < octets.length; from = to) {
    to = Math.min(from + encodedWordOctets, octets.length)
    while (isContinuation(octets[to])) to -= 1
    words.push(`=?UTF-8?B?${octets.toString('base64', from, to)}?=`)
  }
  return words
}

/** Whether an octet of UTF-8 continues a character. */
function isContinuation(octet: number | undefined): boolean {
  return octet !== undefined && (octet & 0b1100_0000) === 0b1000_0000
}
