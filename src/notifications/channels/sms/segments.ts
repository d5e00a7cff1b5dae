/** How a text goes over the air: the encoding, its length in units of it (septets, or 16-bit units), and in how many segments. */
export interface SmsSize {
  readonly encoding: 'GSM-7' | 'UCS-2'
  readonly units: number
  readonly segments: number
}

interface Encoding {
  readonly name: SmsSize['encoding']
  /** Units that a message of one segment holds, and each of several. */
  readonly alone: number
  readonly joined: number
  readonly ellipsis: string
  /** Units of a character; undefined where the encoding does not know it. */
  readonly unitsOf: (character: string) => number | undefined
}

export const mostSegments = 3

/** 3GPP TS 23.038, section 6.2.1: the default alphabet, without the escape, and its extension table. */
const gsmBasic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
)
const gsmExtension = new Set('\f^{}\\[~]|€')

const gsm7: Encoding = {
  name: 'GSM-7',
  alone: 160,
  joined: 153,
  ellipsis: '...',
  unitsOf: (character) => (gsmBasic.has(character) ? 1 : gsmExtension.has(character) ? 2 : undefined),
}

/** No text of more than so many fits. */
export const mostCharacters = mostSegments * gsm7.joined

const ucs2: Encoding = { name: 'UCS-2', alone: 70, joined: 67, ellipsis: '…', unitsOf: (character) => character.length }

/** Measures a text: GSM-7 if that knows all its characters, else UCS-2. No text takes one segment all the same. */
export function measureSms(text: string): SmsSize {
  const encoding = [...text].every((character) => gsm7.unitsOf(character)) ? gsm7 : ucs2
  const sizes = [...text].map((character) => encoding.unitsOf(character) ?? 1)
  const units = sizes.reduce((sum, size) => sum + size, 0)
  if (units <= encoding.alone) return { encoding: encoding.name, units, segments: 1 }
  const filling = new Filling(encoding.joined)
  for (const size of sizes) filling.add(size)
  return { encoding: encoding.name, units, segments: filling.segments }
}

/**
 * The text, or as much of its beginning as fits three segments, cut at a word where there is one, with an ellipsis. A text that GSM-7
 * knows for a good while may keep more of itself by ending before the first character that it does not know.
 */
export function fitSms(text: string): string {
  if (measureSms(text).segments <= mostSegments) return text
  const [cheap, any] = [beginning(text, gsm7), beginning(text, ucs2)]
  return cheap.length >= any.length ? cheap + gsm7.ellipsis : any + ucs2.ellipsis
}

/** The longest beginning that fits together with the ellipsis. */
function beginning(text: string, encoding: Encoding): string {
  const filling = new Filling(encoding.joined)
  let end = 0
  for (const character of text) {
    const size = encoding.unitsOf(character)
    if (size === undefined) break
    filling.add(size)
    if (!filling.takes(encoding.ellipsis.length)) break
    end += character.length
  }
  return text.slice(0, wordEnd(text, end)).trimEnd()
}

/** The end of the last whole word before `end`, unless half of the text would be lost by that. */
function wordEnd(text: string, end: number): number {
  if (/^\s/.test(text.slice(end))) return end
  const space = text.slice(0, end).search(/\s\S*$/)
  return space * 2 >= end ? space : end
}

/** Segments of a joined message being filled; a character is never divided between two of them. */
class Filling {
  readonly #capacity: number
  #used = 0
  segments = 1

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(size: number): void {
    if (this.#used + size > this.#capacity) {
      this.segments += 1
      this.#used = 0
    }
    this.#used += size
  }

  /** Whether so many characters of one unit still fit the most segments that there may be. */
  takes(count: number): boolean {
    const left = (mostSegments - this.segments + 1) * this.#capacity - this.#used
    return count <= left
  }
}
