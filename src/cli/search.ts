import { rankedPerKind, type SearchAnswer, type SearchResult, search } from '../ops/search.ts'
import type { Highlighted } from '../ops/search-highlight.ts'
import type { SearchKind } from '../ops/search-kind.ts'
import type { Answer } from './answer.ts'
import { usageError } from './cli-error.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { type Cell, renderTable } from './table.ts'
import { countOf, formatCount } from './words.ts'

export interface SearchOptions {
  readonly kind?: readonly SearchKind[]
  readonly company?: number
  readonly limit?: number
}

const defaultLimit = 20
/** Of more characters none are looked for. */
const longestQuery = 500

export async function searchFor(session: Session, words: readonly string[], options: SearchOptions): Promise<Answer> {
  const query = words.join(' ')
  if ([...query].length > longestQuery) throw usageError(`expected at most ${longestQuery} characters to search for`)
  const limit = options.limit ?? defaultLimit
  const db = await session.openDatabase()
  const answer = await session.progress('Searching', () =>
    search(db, { words: query, kinds: options.kind, companyId: options.company, limit: limit + 1 }),
  )
  if (answer === undefined) {
    throw usageError('there is no word to look for', 'give one that must be there, besides those that must not')
  }
  const results = answer.results.slice(0, limit)
  if (answer.results.length > limit && options.limit === undefined) {
    session.say(`Only the best ${countOf(limit, 'result')}; --limit shows more.`)
  }
  sayCrowded(session, answer)
  return {
    document: { results: results.map((result) => ({ ...result, ...toPlain(result) })) },
    text: (screen) => (results.length === 0 ? 'Nothing found.' : renderResults(results, screen)),
  }
}

function sayCrowded(session: Session, { crowded }: SearchAnswer): void {
  if (crowded.length === 0) return
  const what = crowded.map((kind) => plurals[kind]).join(' and ')
  session.say(`More than ${formatCount(rankedPerKind)} ${what} match, and not all were compared; another word helps.`)
}

const plurals: Readonly<Record<SearchKind, string>> = {
  company: 'companies',
  project: 'projects',
  client: 'clients',
  portrait: 'portraits',
}

/** For programs: what is found where is for the eye. */
function toPlain({ name, snippet }: SearchResult): { name: string; snippet: string | null } {
  return { name: name.text, snippet: snippet?.text ?? null }
}

function renderResults(results: readonly SearchResult[], screen: Screen): string {
  const columns = [
    { title: 'KIND' },
    { title: 'ID', align: 'right' as const },
    { title: 'NAME' },
    { title: 'COMPANY' },
    { title: 'TEXT' },
    { title: 'RANK', align: 'right' as const },
  ]
  const rows = results.map((result): Cell[] => [
    { text: result.kind },
    { text: String(result.id) },
    highlighted(result.name, screen),
    { text: result.companyName ?? `company ${result.companyId}` },
    highlighted(result.snippet ?? { text: '', matches: [] }, screen),
    { text: result.rank.toFixed(2) },
  ])
  return renderTable(columns, rows, screen)
}

/** What was looked for in bold, as far as the cell has it after it was cut. */
function highlighted({ text, matches }: Highlighted, { colors }: Screen): Cell {
  const paint = (shown: string) => {
    let painted = ''
    let done = 0
    for (const { from, to } of matches) {
      painted += shown.slice(done, from) + (from < shown.length ? colors.bold(shown.slice(from, to)) : '')
      done = to
    }
    return painted + shown.slice(done)
  }
  return { text, paint }
}
