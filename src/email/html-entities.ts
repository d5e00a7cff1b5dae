const usualEntities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

/**
 * The text with its entities as characters: those that are named here, and numbers of characters that can be read. Whatever else looks
 * like one stays as it is.
 */
export function decodeEntities(text: string, named: Readonly<Record<string, string>> = usualEntities): string {
  return text.replace(/&(?:([a-z]+)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi, (whole, name, decimal, hexadecimal) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal)
    const isCharacter = code >= 0x20 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
    return isCharacter || code === 10 ? String.fromCodePoint(code) : whole
  })
}
