import { decodeEntities } from '../email/html-entities.ts'

/** A tag as it was written; two that read the same are still two. */
interface Tag {
  readonly name: string
  /** Attributes included. */
  readonly start: string
}

/** A piece of visible text, and the tags that it stands in, the outermost first. */
export interface Run {
  readonly text: string
  readonly tags: readonly Tag[]
}

/** What Telegram reads (https://core.telegram.org/bots/api#html-style). */
const telegramTags = new Set(
  'a b strong i em u ins s strike del tg-spoiler tg-emoji span pre code blockquote'.split(' '),
)
/** What else is surely meant as a tag, and not as something to read. */
const otherTags = new Set(
  ['p br hr div h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tr th td img small big sub sup font center']
    .join(' ')
    .split(' '),
)
const tagPattern = /<(\/?)([a-z][a-z0-9-]*)((?:"[^"]*"|'[^']*'|[^'"<>])*)>/gi

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }
const moreEntities: Readonly<Record<string, string>> = {
  ...entities,
  ...{ apos: "'", nbsp: '\u00a0', laquo: '«', raquo: '»', ndash: '–', mdash: '—', hellip: '…', bull: '•', copy: '©' },
}

/** The text as it reads, with the tags that it stands in; undefined where Telegram would not take the markup. */
export function readMarkup(html: string): Run[] | undefined {
  const runs: Run[] = []
  let open: readonly Tag[] = []
  let at = 0
  const add = (written: string): boolean => {
    if (written !== '') runs.push({ text: decodeEntities(written, entities), tags: open })
    return !written.includes('<')
  }
  for (const match of html.matchAll(tagPattern)) {
    const [start, slash, written = ''] = match
    const name = written.toLowerCase()
    if (!add(html.slice(at, match.index)) || !telegramTags.has(name)) return undefined
    if (slash && open.at(-1)?.name !== name) return undefined
    open = slash ? open.slice(0, -1) : [...open, { name, start }]
    at = match.index + start.length
  }
  return add(html.slice(at)) && open.length === 0 ? runs : undefined
}

/** Markup that reads as these runs do. */
export function writeMarkup(runs: readonly Run[]): string {
  let html = ''
  let open: readonly Tag[] = []
  const stand = (tags: readonly Tag[]): void => {
    const kept = open.findIndex((tag, depth) => tag !== tags[depth])
    const depth = kept === -1 ? open.length : kept
    html += open
      .slice(depth)
      .toReversed()
      .map(({ name }) => `</${name}>`)
      .join('')
    html += tags
      .slice(depth)
      .map(({ start }) => start)
      .join('')
    open = tags
  }
  for (const { text, tags } of runs) {
    stand(tags)
    html += escapeMarkup(text)
  }
  stand([])
  return html
}

/** A text that reads as it is written. Quotes stay: people read it in the outbox, and Telegram limits the bytes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>]/g, (character) => (character === '&' ? '&amp;' : character === '<' ? '&lt;' : '&gt;'))
}

/**
 * The text without its tags, also where they are wrong; whatever is no tag of HTML is text. Where it does not get longer than `most` by it,
 * the address of a link stands behind the link.
 */
export function plainText(html: string, most = Number.POSITIVE_INFINITY): string {
  const told = withoutTags(html, ({ address, text }) => (address === text ? '' : ` (${address})`))
  return told.length <= most ? told : withoutTags(html, () => '')
}

interface Link {
  readonly address: string
  readonly text: string
}

function withoutTags(html: string, afterLink: (link: Link) => string): string {
  const links: { readonly address: string; readonly at: number }[] = []
  let bare = ''
  let at = 0
  for (const match of html.matchAll(tagPattern)) {
    const [tag, slash = '', written = '', attributes = ''] = match
    const name = written.toLowerCase()
    bare += html.slice(at, match.index)
    at = match.index + tag.length
    if (!telegramTags.has(name) && !otherTags.has(name)) bare += tag
    else if (name === 'br' || name === 'hr' || (slash && /^(p|div|h\d|li|tr)$/.test(name))) bare += '\n'
    else if (name === 'a' && !slash) links.push({ address: addressIn(attributes), at: bare.length })
    else if (name === 'a') {
      const link = links.pop()
      if (link && link.address !== '') bare += afterLink({ address: link.address, text: bare.slice(link.at) })
    }
  }
  return decodeEntities(bare + html.slice(at), moreEntities)
}

function addressIn(attributes: string): string {
  const [, double, single, unquoted] = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes) ?? []
  return (double ?? single ?? unquoted ?? '').trim()
}
