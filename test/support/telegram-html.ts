const supported = /^(a|b|strong|i|em|u|ins|s|strike|del|tg-spoiler|tg-emoji|span|pre|code|blockquote)$/
const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }

/** What a reader of a message sees, or why Telegram refuses to read it. */
export interface ReadHtml {
  readonly visible: string
  readonly fault?: string
}

/** Reads a text as Telegram does in parse mode HTML (https://core.telegram.org/bots/api#html-style); in any other it is what it is. */
export function readTelegramHtml(text: string, parseMode: unknown): ReadHtml {
  if (parseMode !== 'HTML') return { visible: text }
  const open: string[] = []
  let visible = ''
  let at = 0
  for (const match of text.matchAll(/<(\/?)([^\s>]*)((?:"[^"]*"|'[^']*'|[^'">])*)(>?)/g)) {
    visible += decode(text.slice(at, match.index))
    at = match.index + match[0].length
    const [, slash, name = '', attributes = '', end] = match
    const fault = slash ? close(open, name, end) : start(open, { name: name.toLowerCase(), attributes, end })
    if (fault !== undefined)
      return { visible, fault: `${fault} at byte offset ${Buffer.byteLength(text.slice(0, match.index))}` }
  }
  const left = open.at(-1)
  return {
    visible: visible + decode(text.slice(at)),
    ...(left !== undefined && { fault: `Can't find end tag corresponding to start tag "${left}"` }),
  }
}

function start(open: string[], tag: { name: string; attributes: string; end: string | undefined }): string | undefined {
  if (!tag.end) return 'Unclosed start tag'
  if (!supported.test(tag.name)) return `Unsupported start tag "${tag.name}"`
  if (tag.name === 'span' && !/class=["']?tg-spoiler/.test(tag.attributes)) {
    return 'Tag "span" must have class "tg-spoiler"'
  }
  open.push(tag.name)
  return undefined
}

function close(open: string[], name: string, end: string | undefined): string | undefined {
  const expected = open.pop()
  if (expected === undefined) return 'Unexpected end tag'
  if (!end) return 'Unclosed end tag'
  return name === '' || name === expected
    ? undefined
    : `Unmatched end tag, expected "</${expected}>", found "</${name}>"`
}

function decode(text: string): string {
  return text.replace(/&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([0-9a-f]{1,6}));?/gi, (whole, name, decimal, hex) => {
    if (name !== undefined) return named[name] ?? whole
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
