import fc from 'fast-check'
import { expect, it } from 'vitest'
import { escapeHtml } from '../../src/email/escape-html.ts'
import { markupToHtml, markupToText } from '../../src/email/simple-markup.ts'

const fragments = [
  ...[
    '<b>',
    '</b>',
    '<strong>',
    '</strong>',
    '<i>',
    '</i>',
    '<em>',
    '<u>',
    '<ins>',
    '</ins>',
    '<s>',
    '<strike>',
    '</del>',
  ],
  ...['<code class="language-js">', '</code>', '<pre>', '</pre>', '<blockquote expandable>', '</blockquote>', '</a>'],
  ...[
    '<a href="https://e.org/?a=1&amp;b=2">',
    "<a href='http://e.org'>",
    '<a href=mailto:a@b.org>',
    '<A HREF="HTTPS://E.ORG">',
  ],
  ...[
    '<a href="javascript:alert(1)">',
    '<a href="https://e.org" onclick="x()">',
    '<a href="https://e.org/&quot; onclick=&quot;x">',
  ],
  ...[
    '<a href="&#106;avascript:x">',
    '<a title=" href=https://e.org" x>',
    '<a href="data:text/html,x">',
    '<a href="https://e.org',
  ],
  ...[
    '<b onmouseover="x()">',
    '<b/onclick=x>',
    '<script>',
    '</script>',
    '<img src=x onerror=x>',
    '<svg/onload=x>',
    '<!--',
    '-->',
  ],
  ...[
    '<tg-spoiler>',
    '</tg-spoiler>',
    '<span class="tg-spoiler">',
    '<constructor>',
    '<style>',
    '<',
    '>',
    '"',
    "'",
    '&',
    '\n',
  ],
  ...['&lt;script&gt;', '&#60;img&#62;', '&#x3c;b&#x3e;', '&#0;', '&#xd800;', '&#9999999;', '&amp;lt;b&amp;gt;'],
]
const messages = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...fragments) }, fc.string({ unit: 'grapheme', maxLength: 6 })),
  )
  .map((parts) => parts.join(''))

/** What may be in the result besides text: these tags, written exactly so. */
const allowed =
  /<(?:br|\/?(?:strong|em|u|s)|\/(?:code|pre|blockquote|a)|(?:code|pre|blockquote) style="[\w:;,.#% -]+"|a href="((?:https?:\/\/|mailto:)[^"<>]*)" target="_blank" style="[\w:;#-]+")>/gi

it('lets no other tag and no other attribute through, whatever the text holds', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const html = markupToHtml(message)
      const rest = html.replace(allowed, '')
      expect(rest).not.toMatch(/[<>"']/)
      expect(rest.replace(/&(?:amp|lt|gt|#34|#39);/g, '')).not.toContain('&')
      for (const [, href = ''] of html.matchAll(allowed)) expect(href).not.toMatch(/["'<>]|&(?!(?:amp|#34|#39|lt|gt);)/)
    }),
    { numRuns: 2_000 },
  )
})

it('closes what it opens, the last first, and nests nothing in its like', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const open: string[] = []
      for (const [, slash, name = ''] of markupToHtml(message).matchAll(/<(\/?)(\w+)[^>]*>/g)) {
        if (name === 'br') continue
        if (slash) expect(open.pop()).toBe(name)
        else {
          expect(open).not.toContain(name)
          open.push(name)
        }
      }
      expect(open).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

it('shows the same words as text and as HTML', () => {
  const read = (html: string) =>
    html.replace(
      /&(amp|lt|gt|#34|#39);/g,
      (_, name: string) => ({ amp: '&', lt: '<', gt: '>', '#34': '"' })[name] ?? "'",
    )
  fc.assert(
    fc.property(
      messages.filter((message) => !/<a\s/i.test(message)),
      (message) => {
        const words = read(markupToHtml(message).replace(/<[^>]*>/g, ''))
        expect(words).toBe(markupToText(message).replaceAll('\n', ''))
      },
    ),
    { numRuns: 2_000 },
  )
})

it.each([
  ['plain text', 'a < b & c > d, "quoted"', 'a &lt; b &amp; c &gt; d, &#34;quoted&#34;', 'a < b & c > d, "quoted"'],
  [
    'what Telegram escapes',
    '1 &lt; 2 &amp;&amp; &quot;x&quot; &#128512;',
    '1 &lt; 2 &amp;&amp; &#34;x&#34; 😀',
    '1 < 2 && "x" 😀',
  ],
  [
    'other names for the same',
    '<b>1</b><ins>2</ins><del>3</del><i>4</i>',
    '<strong>1</strong><u>2</u><s>3</s><em>4</em>',
    '1234',
  ],
  ['tags that are not known', '<h1>Hi</h1><br>', '&lt;h1&gt;Hi&lt;/h1&gt;&lt;br&gt;', '<h1>Hi</h1><br>'],
  ['wrong nesting', '<b>1<i>2</b>3</i>4', '<strong>1<em>2</em></strong>34', '1234'],
  ['what is left open', '<b>1', '<strong>1</strong>', '1'],
  ['lines of any system', '1\r\n2\r3\n\n4', '1<br>2<br>3<br><br>4', '1\n2\n3\n\n4'],
  ['spoilers', '<tg-spoiler>1</tg-spoiler><span class="tg-spoiler">2</span>', '12', '12'],
  ['links to elsewhere', '<a href="tg://user?id=1">Ann</a> <a href="javascript:x">Bob</a>', 'Ann Bob', 'Ann Bob'],
])('reads %s', (_, message, html, text) => {
  expect(markupToHtml(message)).toBe(html)
  expect(markupToText(message)).toBe(text)
})

it.each([
  [
    '<a href="https://e.org/?a=1&amp;b=2">here</a>',
    'href="https://e.org/?a=1&amp;b=2"',
    'here (https://e.org/?a=1&b=2)',
  ],
  ['<a href="https://e.org">https://e.org</a>', 'href="https://e.org"', 'https://e.org'],
  ["<A class='x' HREF='mailto:a@b.org'>a@b.org</A>", 'href="mailto:a@b.org"', 'a@b.org'],
  ['<a href="https://e.org"><b>all', 'href="https://e.org"', 'all (https://e.org)'],
])('links %s', (message, href, text) => {
  expect(markupToHtml(message)).toContain(href)
  expect(markupToText(message)).toBe(text)
})

it('leaves no empty line around a block', () => {
  expect(markupToHtml('1\n<pre>2\n3</pre>\n4').replace(/ style="[^"]*"/, '')).toBe('1<pre>2<br>3</pre>4')
})

it.each([
  ['<b>', ''],
  ['</i>', ''],
  ['<b><i></b>', ''],
  ['<', '<'],
  ['<a href="', '<a href="'],
  ['&#', '&#'],
  ['<a href="https://e.org"><b ', '<b '],
])('reads a hundred thousand of %s at once', (fragment, text) => {
  const message = fragment.repeat(100_000)
  expect(markupToHtml(message).replace(/<[^>]*>/g, '')).toHaveLength(escapeHtml(text).length * 100_000)
  expect(markupToText(message).startsWith(text.repeat(100_000))).toBe(true)
})
