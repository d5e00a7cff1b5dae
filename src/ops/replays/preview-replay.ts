import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { findNamedInVain, namedIds, type SkippedMessages } from '../skipped-messages.ts'
import type { ReplayRequest } from './replay.ts'
import { domainIn, expectMany, meantMails, replayable, roughDomain, stoppedColumn } from './selection.ts'

export interface Group {
  /** What its mails have in common; null where they have none of it. */
  readonly of: string | null
  readonly count: number
}

/** What a replay would put back. */
export interface ReplayPreview {
  readonly count: number
  readonly byStatus: Readonly<Record<string, number>>
  /** How many of them came out of the archive. */
  readonly archived: number
  /** How many may have arrived already, and nobody knows. */
  readonly ambiguous: number
  /** The largest first. */
  readonly byErrorClass: readonly Group[]
  /** By the domain of the first recipient, the largest first. */
  readonly byDomain: readonly Group[]
  readonly byTemplate: readonly Group[]
  /** Since they ended, the youngest first. */
  readonly byAge: readonly Group[]
  /** Five of them. */
  readonly examples: readonly {
    readonly id: number
    readonly to: string | null
    readonly subject: string | null
    readonly errorClass: string | null
  }[]
  readonly skipped: readonly SkippedMessages[]
}

interface Counted extends Pick<ReplayPreview, 'archived' | 'ambiguous' | 'count'> {
  readonly groups: { readonly kind: number; readonly of: string | null; readonly count: number }[]
  /** Something speaks against so many. */
  readonly stopped: number
}

interface Example {
  readonly id: number
  /** Of one in the archive. */
  readonly endedAt: string | null
}

/** Only so many groups of each kind are told; the others are one. */
const groupsTold = 10
/** As `GROUPING()` numbers them. */
const kinds = {
  byStatus: 0b01111,
  byErrorClass: 0b10111,
  byDomain: 0b11011,
  byTemplate: 0b11101,
  byAge: 0b11110,
} as const
const ages = ['under 1 h', '1 to 6 h', '6 to 24 h', '1 to 7 days', 'over 7 days']

/** What would be put back now, in one pass over what is meant, of which those alike are counted together. Only reads. */
export async function previewReplay(db: Kysely<DB>, request: ReplayRequest): Promise<ReplayPreview> {
  return db.transaction().execute(async (transaction) => {
    await expectMany(transaction)
    const named = await findNamedInVain(transaction, replayable(request), request.filter)
    const all = await count(transaction, { ...request, limit: undefined })
    const chosen = request.limit === undefined ? all : await count(transaction, request)
    const stopped = all.stopped > 0 ? await findStopped(transaction, request) : []
    const groupsOf = (kind: keyof typeof kinds) => chosen.groups.filter((group) => group.kind === kinds[kind])
    return {
      count: chosen.count,
      byStatus: Object.fromEntries(groupsOf('byStatus').map(({ of, count }) => [of ?? '', count])),
      archived: chosen.archived,
      ambiguous: chosen.ambiguous,
      byErrorClass: largest(groupsOf('byErrorClass')),
      byDomain: largest(groupsOf('byDomain')),
      byTemplate: largest(groupsOf('byTemplate')),
      byAge: groupsOf('byAge')
        .sort((a, b) => Number(a.of) - Number(b.of))
        .map(({ of, count }) => ({ of: ages[Number(of)] ?? null, count })),
      examples: await readExamples(transaction, await findExamples(transaction, request)),
      skipped: [...named, ...stopped, ...overLimit(all.count - chosen.count)],
    }
  })
}

/** What is meant; with a limit the first of what nothing speaks against. */
function chosenOf(request: ReplayRequest, columns: RawBuilder<unknown>): RawBuilder<unknown> {
  const meant = meantMails(request, columns)
  if (request.limit === undefined) return meant
  return sql`SELECT * FROM (${meant}) AS meant WHERE obstacle IS NULL ORDER BY prio, id LIMIT ${request.limit}`
}

async function count(db: Kysely<DB>, request: ReplayRequest): Promise<Counted> {
  const { rows } = await sql<Counted>`
    WITH alike AS MATERIALIZED (
      SELECT obstacle, status, error_class, domain, template_id, is_archived, ambiguous,
             CASE WHEN age < interval '1 hour' THEN 0 WHEN age < interval '6 hours' THEN 1 WHEN age < interval '1 day' THEN 2
                  WHEN age < interval '7 days' THEN 3 ELSE 4 END AS span, count(*)
        FROM (SELECT *, (SELECT fleet.utc_now()) - changed_at AS age
                FROM (${chosenOf(request, sql`, q.error_class, q.template_id, ${roughDomain} AS domain`)}) AS chosen) AS aged
       GROUP BY 1, 2, 3, 4, 5, 6, 7, 8),
    free AS (SELECT *, ${domainIn(sql`domain`)} AS tidy FROM alike WHERE obstacle IS NULL)
    SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'of', of, 'count', count)), '[]')
              FROM (SELECT GROUPING(status, error_class, tidy, template_id, span) AS kind,
                           coalesce(status, error_class, tidy, template_id, span::text) AS of, sum(count) AS count
                      FROM free
                     GROUP BY GROUPING SETS ((status), (error_class), (tidy), (template_id), (span))) AS groups) AS groups,
           (SELECT coalesce(sum(count), 0)::int FROM free) AS count,
           (SELECT coalesce(sum(count), 0)::int FROM free WHERE is_archived) AS archived,
           (SELECT coalesce(sum(count), 0)::int FROM free WHERE ambiguous) AS ambiguous,
           (SELECT coalesce(sum(count), 0)::int FROM alike WHERE obstacle IS NOT NULL) AS stopped`.execute(db)
  const [counted] = rows
  if (counted === undefined) throw new Error('a count answers nothing')
  return counted
}

async function findStopped(db: Kysely<DB>, request: ReplayRequest): Promise<SkippedMessages[]> {
  const { rows } = await sql<{ stopped: SkippedMessages[] }>`
    WITH meant AS MATERIALIZED (${meantMails(request)}) SELECT ${stoppedColumn(namedIds)} AS stopped`.execute(db)
  return rows[0]?.stopped ?? []
}

/** Any five of those that are meant: in an order they would all have to be looked at. With a limit they are the first. */
async function findExamples(db: Kysely<DB>, request: ReplayRequest): Promise<Example[]> {
  const { rows } = await sql<Example>`
    SELECT id, CASE WHEN is_archived THEN changed_at::text END AS "endedAt"
      FROM (${chosenOf(request, sql``)}) AS chosen
     WHERE obstacle IS NULL
     LIMIT 5`.execute(db)
  return rows
}

async function readExamples(db: Kysely<DB>, found: readonly Example[]): Promise<ReplayPreview['examples']> {
  const columns = (alias: string) => sql`
    f.place, ${sql.ref(`${alias}.id`)}, ${sql.ref(`${alias}.recipient_to`)} AS "to", ${sql.ref(`${alias}.subject`)},
    ${sql.ref(`${alias}.error_class`)} AS "errorClass"`
  const { rows } = await sql<ReplayPreview['examples'][number]>`
    WITH f AS (
      SELECT *
        FROM unnest(${found.map(({ id }) => id)}::int[], ${found.map(({ endedAt }) => endedAt)}::timestamp[])
        WITH ORDINALITY AS f (id, ended_at, place))
    SELECT id, "to", subject, "errorClass"
      FROM (SELECT ${columns('q')} FROM f JOIN email_queue AS q ON q.id = f.id WHERE f.ended_at IS NULL
             UNION ALL
            SELECT ${columns('a')} FROM f JOIN fleet.email_archive AS a ON a.id = f.id AND a.ended_at = f.ended_at) AS mail
     ORDER BY place`.execute(db)
  return rows
}

function largest(groups: Counted['groups']): Group[] {
  const sorted = groups
    .map(({ of, count }) => ({ of: of === '' ? null : of, count }))
    .sort((a, b) => b.count - a.count || String(a.of).localeCompare(String(b.of)))
  const rest = sorted.slice(groupsTold).reduce((sum, { count }) => sum + count, 0)
  return rest > 0 ? [...sorted.slice(0, groupsTold), { of: 'others', count: rest }] : sorted
}

function overLimit(count: number): SkippedMessages[] {
  return count > 0 ? [{ reason: 'over_limit', count, ids: [] }] : []
}
