/** One entry of an address list as it was written, without outer spaces; whether it holds a mailbox is not known yet. */
export interface ListEntry {
  readonly text: string
  /** What is wrong with the entry's place in the list, if anything is. */
  readonly reason?: string
}

interface Part {
  readonly text: string
  readonly end: ',' | ';' | ':' | ''
}

/**
 * Splits the text of a To, Cc or Bcc field into its entries, in order, in time linear in its length. Separators are `,` and `;` (as
 * Outlook writes lists). A group (`Friends: a@b.org, c@d.org;`) gives its members. A name cut at its comma (`Ivanov, Pyotr <p@b.org>`)
 * is put together again. Apart from separators and the names of groups nothing of the text is left out; a quotation or `<` that
 * is never closed takes all that follows it into its entry.
 */
export function splitAddressList(text: string): ListEntry[] {
  const entries: ListEntry[] = []
  let nameBefore = ''
  let inGroup = false
  for (const part of parts(text)) {
    const whole = nameBefore === '' ? part.text : `${nameBefore}, ${part.text}`
    if (part.end === ':') {
      if (inGroup || !isGroupName(whole)) entries.push({ text: `${whole}:`, reason: 'is not the name of a group' })
      nameBefore = ''
      inGroup = true
      continue
    }
    if (part.end === ';') inGroup = false
    if (part.end === ',' && part.text !== '' && !part.text.includes('@')) {
      nameBefore = whole
      continue
    }
    const endsName = /^[^<]+</.test(part.text)
    const texts = (endsName ? [whole] : [nameBefore, part.text]).filter((entry) => entry !== '')
    entries.push(...texts.map((entry) => ({ text: entry })))
    nameBefore = ''
  }
  return entries
}

/** Cuts a text at each separator outside quotation marks and angle brackets; a colon after `@[` is a part of an IPv6 address. */
function* parts(text: string): Generator<Part> {
  let from = 0
  let quoted = false
  let angled = false
  let literal = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (quoted) {
      if (character === '\\') at += 1
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '<' || character === '>') angled = character === '<'
    else if (character === '[' || character === ']') literal = text.charAt(at - 1) === '@' && character === '['
    else if (!angled && isSeparator(character) && !(literal && character === ':')) {
      yield { text: text.slice(from, at).trim(), end: character }
      from = at + 1
      literal = false
    }
  }
  yield { text: text.slice(from).trim(), end: '' }
}

/** Words and quotations of the length of a header line at most. */
function isGroupName(text: string): boolean {
  return text.length <= 998 && /^(?:"(?:[^"\\]|\\.)*"|[^"<>()@])*$/u.test(text)
}

function isSeparator(character: string): character is ',' | ';' | ':' {
  return character === ',' || character === ';' || character === ':'
}
