import { escapeHtml } from './escape-html.ts'
import { readWebLink } from './web-link.ts'

/**
 * What notices may hold besides text: the simple tags of Telegram's HTML (https://core.telegram.org/bots/api#html-style). A text without
 * any is plain text. Tags of these names lose their attributes, but for the address of a link; whatever else looks like a tag is text.
 */
const marks: ReadonlyMap<string, Mark | null> = new Map([
  ['b', 'strong'],
  ['strong', 'strong'],
  ['i', 'em'],
  ['em', 'em'],
  ['u', 'u'],
  ['ins', 'u'],
  ['s', 's'],
  ['strike', 's'],
  ['del', 's'],
  ['code', 'code'],
  ['pre', 'pre'],
  ['blockquote', 'blockquote'],
  ['a', 'a'],
  // What they do cannot be done in a mail; what they hold is shown.
  ['span', null],
  ['tg-spoiler', null],
  ['tg-emoji', null],
])

type Mark = 'strong' | 'em' | 'u' | 's' | 'code' | 'pre' | 'blockquote' | 'a'

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' | 'close'; readonly mark: Mark; readonly href: string }

/** Up to the next angle bracket, whatever there is: reading a text takes time in proportion to its length. */
const tag = /<(\/?)([a-z][a-z0-9-]*)(\s[^<>]*)?>/gi
const hrefAttribute = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))/i
const entity = /&(?:(lt|gt|amp|quot|apos|nbsp)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi
const namedEntities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

const styles: Partial<Record<Mark, string>> = {
  code: 'font-family:Consolas,Menlo,monospace;font-size:15px',
  pre: 'margin:12px 0;padding:12px 14px;background-color:#f2f3f9;border-radius:10px;font-family:Consolas,Menlo,monospace;font-size:14px;line-height:21px;white-space:pre-wrap;word-break:break-word',
  blockquote: 'margin:12px 0;padding:2px 0 2px 14px;border-left:4px solid #c9c4f7;color:#3d4459',
  a: 'color:#4a3bd6;text-decoration:underline',
}

/** The text as HTML for a mail: balanced, with these tags alone, everything else escaped, and lines broken as they are. */
export function markupToHtml(text: string): string {
  let html = ''
  for (const piece of readPieces(text)) {
    if (piece.kind === 'text') html += escapeHtml(piece.text).replaceAll('\n', '<br>')
    else if (piece.kind === 'close') html += `</${piece.mark}>`
    else html += startTag(piece.mark, piece.href)
  }
  // A block stands on lines of its own already.
  return html.replace(/<br>(<(?:pre|blockquote) )/g, '$1').replace(/(<\/(?:pre|blockquote)>)<br>/g, '$1')
}

/** The text without its tags; the address of a link follows what it is under, unless that is the address. */
export function markupToText(text: string): string {
  let plain = ''
  let linkStart = 0
  for (const piece of readPieces(text)) {
    if (piece.kind === 'text') plain += piece.text
    else if (piece.mark !== 'a') continue
    else if (piece.kind === 'open') linkStart = plain.length
    else if (plain.slice(linkStart).trim() !== piece.href.replace(/^mailto:/i, '')) plain += ` (${piece.href})`
  }
  return plain
}

function startTag(mark: Mark, href: string): string {
  const style = styles[mark] === undefined ? '' : ` style="${styles[mark]}"`
  return mark === 'a' ? `<a href="${escapeHtml(href)}" target="_blank"${style}>` : `<${mark}${style}>`
}

/** The text in order. What opens also closes, the last first; a mark within the same mark, and an end without a start, are left out. */
function* readPieces(source: string): Generator<Piece> {
  const text = source.replace(/\r\n?/g, '\n')
  const open: Extract<Piece, { mark: Mark }>[] = []
  let from = 0
  for (const { 0: whole, 1: slash, 2: name = '', 3: attributes = '', index } of text.matchAll(tag)) {
    const mark = marks.get(name.toLowerCase())
    if (mark === undefined) continue
    yield { kind: 'text', text: decode(text.slice(from, index)) }
    from = index + whole.length
    const depth = open.findIndex((piece) => piece.mark === mark)
    if (slash && depth >= 0) yield* open.splice(depth).reverse()
    if (slash || depth >= 0 || mark === null) continue
    const href = mark === 'a' ? readHref(attributes) : ''
    if (href === undefined) continue
    yield { kind: 'open', mark, href }
    open.push({ kind: 'close', mark, href })
  }
  yield { kind: 'text', text: decode(text.slice(from)) }
  yield* open.reverse()
}

function readHref(attributes: string): string | undefined {
  const [, double, single, bare] = hrefAttribute.exec(attributes) ?? []
  const href = decode(double ?? single ?? bare ?? '').trim()
  return /^mailto:[^\s@]+@[^\s@]+$/i.test(href) ? href : readWebLink(href)
}

function decode(text: string): string {
  return text.replace(entity, (whole, name?: string, decimal?: string, hexadecimal?: string) => {
    if (name !== undefined) return namedEntities[name.toLowerCase()] ?? whole
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal)
    const isCharacter = code >= 0x20 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
    return isCharacter || code === 10 ? String.fromCodePoint(code) : whole
  })
}
