import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type Highlighted, highlight } from './search-highlight.ts'
import { type SearchKind, searchKinds } from './search-kind.ts'

/** Matches of one kind that are ranked: so many by name, and so many at all. Of more of them the best may be missed. */
export const rankedPerKind = 1_000

export interface SearchRequest {
  /** As people type them: words that must all be there, "phrases", OR, -words that must not. The last may be the beginning of one. */
  readonly words: string
  /** All unless given. */
  readonly kinds?: readonly SearchKind[] | undefined
  readonly companyId?: number | undefined
  readonly limit: number
}

export interface SearchResult {
  readonly kind: SearchKind
  readonly id: number
  /** Of a portrait the name of its file. */
  readonly name: Highlighted
  readonly companyId: number
  /** Null where the caller may not see the company. */
  readonly companyName: string | null
  /** The place in a project's description, or in a portrait's paths and URLs, that matches; null where none does. */
  readonly snippet: Highlighted | null
  readonly rank: number
}

export interface SearchAnswer {
  /** The best first. */
  readonly results: readonly SearchResult[]
  /** Kinds of which so many matched that not all were ranked. */
  readonly crowded: readonly SearchKind[]
}

interface Row {
  readonly kind: SearchKind
  readonly id: number
  readonly name: string
  readonly details: string | null
  readonly companyId: number
  readonly companyName: string | null
  readonly rank: number
  readonly candidates: number
}

/**
 * Searches companies, projects, clients and portraits, as far as the caller may see them. Undefined where the words name nothing to
 * look for: there are none, or only some that must not be there.
 */
export async function search(db: Kysely<DB>, request: SearchRequest): Promise<SearchAnswer | undefined> {
  // No text of PostgreSQL's can hold U+0000.
  const words = request.words.toWellFormed().replaceAll('\0', ' ')
  if (!(await isSearchable(db, words))) return undefined
  const { rows } = await sql<Row>`
    SELECT kind, id, name, details, company_id AS "companyId", company_name AS "companyName", rank, candidates
      FROM fleet.search(${words}, ${request.kinds ?? null}::text[], ${request.companyId ?? null}::integer, ${request.limit}::integer)`.execute(
    db,
  )
  const texts = rows.flatMap(({ name, details }) => [name, details ?? ''])
  const marked = await highlight(db, words, texts)
  return {
    results: rows.map(({ details, candidates, ...row }, index) => ({
      ...row,
      name: marked[2 * index] ?? { text: row.name, matches: [] },
      snippet: excerpt(marked[2 * index + 1]),
    })),
    crowded: searchKinds.filter((kind) => rows.some((row) => row.kind === kind && row.candidates >= rankedPerKind)),
  }
}

async function isSearchable(db: Kysely<DB>, words: string): Promise<boolean> {
  const { rows } = await sql<{ searchable: boolean }>`
    SELECT fleet.search_query(${words}) IS NOT NULL AS searchable`.execute(db)
  return rows[0]?.searchable === true
}

const before = 30
const after = 90

/** What stands around the first match, on whole characters, with … where something is left out. */
function excerpt(details: Highlighted | undefined): Highlighted | null {
  const [first] = details?.matches ?? []
  if (details === undefined || first === undefined) return null
  const { text, matches } = details
  const wanted = Math.max(0, first.from - before)
  const from = wanted === 0 ? 0 : Math.min(first.from, text.indexOf(' ', wanted) + 1 || wanted)
  const end = Math.min(text.length, first.to + after)
  const to = end === text.length ? end : Math.max(first.to, text.lastIndexOf(' ', end))
  const lead = from > 0 ? '…' : ''
  const shift = lead.length - from
  return {
    text: `${lead}${text.slice(from, to)}${to < text.length ? '…' : ''}`.toWellFormed(),
    matches: matches
      .filter((match) => match.from >= from && match.to <= to)
      .map((match) => ({ from: match.from + shift, to: match.to + shift })),
  }
}
