import { plainText, type Run, readMarkup, writeMarkup } from '../../../telegram/markup.ts'

/** How many characters of a message Telegram takes, counted in UTF-16 units as they read: without tags, entities as one. */
export interface SplitLimits {
  /** Of the first part, which may be the caption of an image. */
  readonly first: number
  readonly rest: number
}

interface Range {
  readonly from: number
  readonly to: number
}

/** What Telegram reads of a text at all, in bytes of UTF-8 with its markup: many links may go over that. */
const mostBytes = 32_768
/** Where even shorter parts have too much markup it is for Telegram to say no, rather than to send hundreds of them. */
const shortestLimit = 256

/** Space where a line may break: not a no-break space. */
const space = '[^\\S\\u00a0\\u202f]'
/** Where a text may end, from the best place to the worst; the part ends before the match. */
const ends = [
  new RegExp(`\\n${space}*\\n`, 'g'),
  /\n/g,
  new RegExp(`(?<=[.!?…]["»”)]*)${space}`, 'g'),
  new RegExp(space, 'g'),
]
const graphemes = new Intl.Segmenter()

/**
 * The text in parts that Telegram takes, each with its tags closed: broken at the last end of a paragraph that fits, else of a line, of
 * a sentence, of a word, else between two characters. The space at a break is left out. A text that fits stays as it is; in one that
 * does not and whose markup is wrong the tags are left out, for nobody could say what stands within what.
 */
export function splitMarkup(html: string, limits: SplitLimits): string[] {
  const runs = readMarkup(html) ?? [{ text: plainText(html), tags: [] }]
  const text = runs.map((run) => run.text).join('')
  if (text.trim() === '') return []
  return text.trim().length <= limits.first && isReadable(html) ? [html] : splitRuns(runs, text, limits)
}

function splitRuns(runs: readonly Run[], text: string, { first, rest }: SplitLimits): string[] {
  const split = [...parts(text, { first, rest })].map((range) => writeMarkup(cut(runs, range)))
  if (split.every(isReadable) || rest <= shortestLimit) return split
  return splitRuns(runs, text, { first: Math.ceil(first / 2), rest: Math.ceil(rest / 2) })
}

function isReadable(html: string): boolean {
  return Buffer.byteLength(html) <= mostBytes
}

function* parts(text: string, { first, rest }: SplitLimits): Generator<Range> {
  const end = text.trimEnd().length
  let limit = first
  for (let from = skipSpace(text, 0); from < end; limit = rest) {
    const to = end - from <= limit ? end : from + lengthOfPart(text.slice(from, from + 2 * limit), limit)
    yield { from, to }
    from = skipSpace(text, to)
  }
}

/** Of a text that is longer than the limit. */
function lengthOfPart(text: string, limit: number): number {
  for (const end of ends) {
    const last = [...text.matchAll(end)].findLast(({ index }) => index > 0 && index <= limit)
    if (last !== undefined) return text.slice(0, last.index).trimEnd().length
  }
  // A single character may be longer than a message: then at least no pair is broken.
  return graphemes.segment(text).containing(limit)?.index || limit - (isLowSurrogate(text, limit) ? 1 : 0)
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff
}

function skipSpace(text: string, from: number): number {
  return text.length - text.slice(from).trimStart().length
}

function cut(runs: readonly Run[], { from, to }: Range): Run[] {
  let at = 0
  return runs.flatMap(({ text, tags }) => {
    const start = at
    at += text.length
    const piece = text.slice(Math.max(0, from - start), Math.max(0, to - start))
    return piece === '' ? [] : [{ text: piece, tags }]
  })
}
