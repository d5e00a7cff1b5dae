/** The tags of Telegram's HTML. Anything else in angle brackets is text. */
const tags = 'b|strong|i|em|u|ins|s|strike|del|span|tg-spoiler|tg-emoji|tg-time|a|code|pre|blockquote'
const tag = new RegExp(`</?(?:${tags})(?:\\s[^<>]*)?>`, 'gi')
const link = /<a\s[^<>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))[^<>]*>([\s\S]*?)<\/a>/gi
const entity = /&(?:(lt|gt|amp|quot|apos|nbsp)|#(\d{1,7})|#x([\da-f]{1,6}));/gi
const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' }

/** Far more than any SMS holds: what comes after it is not looked at. */
const mostCharacters = 5_000

/** Controls, and what is not seen but would cost the cheap encoding: the soft hyphen, the zero-width space, the byte order mark. */
const unseen = /[^\P{Cc}\n\t]|[\u00ad\u200b\ufeff]/gu

/**
 * A text with Telegram's markup as a text for an SMS: tags removed, a link as `text (address)`, entities decoded once, runs of blanks
 * and empty lines closed up. A text without markup stays what it is.
 */
export function plainText(markup: string): string {
  const bare = markup.slice(0, mostCharacters).replace(link, written).replace(tag, '')
  return tidy(bare.replace(entity, decoded))
}

function written(_whole: string, double?: string, single?: string, bare?: string, label = ''): string {
  const address = double ?? single ?? bare ?? ''
  const text = label.replace(tag, '').trim()
  if (!/^https?:/i.test(address)) return text
  const shown = address.replace(/^https?:\/\//i, '').replace(/\/$/, '')
  return text === '' || text.replace(/^https?:\/\//i, '').replace(/\/$/, '') === shown
    ? address
    : `${text} (${address})`
}

function decoded(whole: string, name?: string, decimal?: string, hexadecimal?: string): string {
  if (name !== undefined) return named[name.toLowerCase()] ?? whole
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal)
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
  return isCharacter ? String.fromCodePoint(code) : whole
}

function tidy(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(unseen, '')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n[ \n]*/g, '\n')
    .trim()
}
