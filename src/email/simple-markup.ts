import { escapeHtml } from './escape-html.ts'
import { decodeEntities } from './html-entities.ts'
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
  ['tg-time', null],
])

type Mark = 'strong' | 'em' | 'u' | 's' | 'code' | 'pre' | 'blockquote' | 'a'

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' | 'close'; readonly mark: Mark; readonly href: string }

/** Up to the next angle bracket, whatever there is: reading a text takes time in proportion to its length. */
const tag = /<(\/?)([a-z][a-z0-9-]*)(\s[^<>]*)?>/gi
const hrefAttribute = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))/i

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

/** The text without its tags; the address of a link follows what it is under, or stands in its place if that says the same. */
export function markupToText(text: string): string {
  let plain = ''
  let label: string | undefined
  for (const piece of readPieces(text)) {
    if (piece.kind === 'text' && label === undefined) plain += piece.text
    else if (piece.kind === 'text') label += piece.text
    else if (piece.mark !== 'a') continue
    else if (piece.kind === 'open') label = ''
    else {
      plain += linkAsText(label ?? '', piece.href)
      label = undefined
    }
  }
  return plain
}

function linkAsText(label: string, href: string): string {
  const shown = label.trim()
  const address = href.replace(/^mailto:/i, '')
  return shown === '' || withoutScheme(shown) === withoutScheme(address) ? address : `${label} (${href})`
}

function withoutScheme(address: string): string {
  return address.replace(/^https?:\/\//i, '').replace(/\/$/, '')
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
    yield { kind: 'text', text: decodeEntities(text.slice(from, index)) }
    from = index + whole.length
    const depth = open.findIndex((piece) => piece.mark === mark)
    if (slash && depth >= 0) yield* open.splice(depth).reverse()
    if (slash || depth >= 0 || mark === null) continue
    const href = mark === 'a' ? readHref(attributes) : ''
    if (href === undefined) continue
    yield { kind: 'open', mark, href }
    open.push({ kind: 'close', mark, href })
  }
  yield { kind: 'text', text: decodeEntities(text.slice(from)) }
  yield* open.reverse()
}

function readHref(attributes: string): string | undefined {
  const [, double, single, bare] = hrefAttribute.exec(attributes) ?? []
  const href = decodeEntities(double ?? single ?? bare ?? '').trim()
  return /^mailto:[^\s@]+@[^\s@]+$/i.test(href) ? href : readWebLink(href)
}
