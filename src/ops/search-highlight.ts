import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** A place in a text, in UTF-16 units, `to` excluded. */
export interface Match {
  readonly from: number
  readonly to: number
}

/** A text on one line and the words in it that were looked for. */
export interface Highlighted {
  readonly text: string
  readonly matches: readonly Match[]
}

/** `fleet.search_text` leaves neither of them in a text. */
const [start, stop] = ['\u0002', '\u0003']
const options = `HighlightAll=true, StartSel="${start}", StopSel="${stop}"`

/**
 * Finds the words of a query in texts. PostgreSQL marks them in the evened text, once by their stems and once as they are; that text has a
 * character for each of the original, so the marks can be carried over. Where it has not, nothing is marked.
 */
export async function highlight(db: Kysely<DB>, words: string, texts: readonly string[]): Promise<Highlighted[]> {
  const shown = texts.map((text) => text.normalize('NFC').replace(/\s+/gu, ' '))
  const { rows } = await sql<{ stems: string; forms: string }>`
    SELECT ts_headline('pg_catalog.russian', even, query, ${options}) AS stems,
           ts_headline('pg_catalog.simple', even, query, ${options}) AS forms
      FROM unnest(${shown}::text[]) WITH ORDINALITY AS shown (original, place),
           fleet.search_query(${words}) AS query,
           fleet.search_text(original) AS even
     ORDER BY place`.execute(db)
  return shown.map((text, index) => {
    const { stems = '', forms = '' } = rows[index] ?? {}
    const marks = [marksIn(text, stems), marksIn(text, forms)]
    return { text, matches: matchesIn(text, (at) => marks.some((marked) => marked.has(at))) }
  })
}

/** The characters (Unicode code points, counted from 0) that are marked. */
function marksIn(text: string, headline: string): ReadonlySet<number> {
  const marked = new Set<number>()
  let isMarked = false
  let at = 0
  for (const character of headline) {
    if (character === start || character === stop) isMarked = character === start
    else {
      if (isMarked) marked.add(at)
      at += 1
    }
  }
  return at === [...text].length ? marked : new Set()
}

function matchesIn(text: string, isMarked: (at: number) => boolean): Match[] {
  const matches: { from: number; to: number }[] = []
  let unit = 0
  for (const [at, character] of [...text].entries()) {
    const last = matches.at(-1)
    if (isMarked(at)) {
      if (last?.to === unit) last.to += character.length
      else matches.push({ from: unit, to: unit + character.length })
    }
    unit += character.length
  }
  return matches
}
