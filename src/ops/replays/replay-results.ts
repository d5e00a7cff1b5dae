import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { namedIds, type SkippedMessages, type SkipReason } from '../skipped-messages.ts'
import type { Replay } from './replay.ts'
import { mailOfItem } from './replay-store.ts'

/** What has become of the mails of a replay. */
export interface ReplayResults {
  /** Not put back yet; for ever, where the replay was stopped or its canary failed. */
  readonly left: number
  /** Put back, and not taken back. */
  readonly replayed: number
  /** How many of those had each status before. */
  readonly byStatus: Readonly<Record<string, number>>
  readonly archived: number
  readonly takenBack: number
  /** Of those that were put back: how many have which status now; `deleted` where there is no such mail any more. */
  readonly now: Readonly<Record<string, number>>
  /** Of those that are failed or held now: how many with which class of error. */
  readonly failures: readonly { readonly status: string; readonly errorClass: string | null; readonly count: number }[]
  /** The last one becomes due then; null where none waits. */
  readonly lastDueAt: Date | null
  /** Left alone because somebody had changed them meanwhile. */
  readonly skipped: readonly SkippedMessages[]
}

interface Row {
  readonly state: string
  readonly reason: SkipReason | null
  readonly before: string
  readonly isArchived: boolean
  readonly now: string | null
  readonly errorClass: string | null
  readonly lastDueAt: Date | null
  readonly count: number
  readonly ids: number[]
}

export async function readReplayResults(db: Kysely<DB>, { id }: Pick<Replay, 'id'>): Promise<ReplayResults> {
  const { rows } = await sql<Row>`
    SELECT i.state, i.reason, i.status AS before, i.is_archived AS "isArchived", m.status AS now,
           CASE WHEN m.status IN ('failed', 'held') THEN m.error_class END AS "errorClass",
           max(CASE WHEN m.status = 'pending' THEN q.due_at END) AS "lastDueAt", count(*)::int AS count,
           (array_agg(i.email_id ORDER BY i.email_id) FILTER (WHERE i.state = 'skipped'))[1:${sql.lit(namedIds)}] AS ids
      FROM fleet.replay_items AS i
      ${mailOfItem}
     WHERE i.replay_id = ${id}
     GROUP BY 1, 2, 3, 4, 5, 6
     ORDER BY count(*) DESC, 1, 2, 3, 4, 5, 6`.execute(db)
  const replayed = rows.filter(({ state }) => state === 'replayed')
  const dues = replayed.flatMap(({ lastDueAt }) => (lastDueAt instanceof Date ? [lastDueAt.getTime()] : []))
  return {
    left: total(rows.filter(({ state }) => state === 'waiting')),
    replayed: total(replayed),
    byStatus: countBy(replayed, ({ before }) => before),
    archived: total(replayed.filter(({ isArchived }) => isArchived)),
    takenBack: total(rows.filter(({ state }) => state === 'taken_back')),
    now: countBy(replayed, ({ now }) => now ?? 'deleted'),
    failures: failuresOf(replayed),
    lastDueAt: dues.length === 0 ? null : new Date(Math.max(...dues)),
    skipped: skippedOf(rows),
  }
}

function total(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0)
}

function countBy(rows: readonly Row[], key: (row: Row) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const row of rows) counts[key(row)] = (counts[key(row)] ?? 0) + row.count
  return counts
}

function failuresOf(rows: readonly Row[]): ReplayResults['failures'] {
  const failed = rows.filter(({ now }) => now === 'failed' || now === 'held')
  const groups = Map.groupBy(failed, ({ now, errorClass }) => JSON.stringify([now, errorClass]))
  return [...groups.values()]
    .map((group) => ({ status: group[0]?.now ?? '', errorClass: group[0]?.errorClass ?? null, count: total(group) }))
    .sort((a, b) => b.count - a.count)
}

function skippedOf(rows: readonly Row[]): SkippedMessages[] {
  const groups = Map.groupBy(
    rows.filter(({ state }) => state === 'skipped'),
    ({ reason }) => reason ?? 'changed',
  )
  return [...groups].map(([reason, group]) => ({
    reason,
    count: total(group),
    ids: group.flatMap(({ ids }) => ids ?? []).slice(0, namedIds),
  }))
}
