import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** Something that is paid for until some time. */
export interface Subscription {
  /** Null for without an end. */
  readonly endsAt: Date | null
  readonly hasEnded: boolean
}

/** What a company subscribes to. */
export interface CompanySubscriptions extends Subscription {
  readonly id: number
  readonly name: string
  readonly timezone: string | null
  /** The active ones that end first, and how many there are. */
  readonly projects: readonly (Subscription & { readonly name: string })[]
  readonly projectCount: number
  /** How many are active, and the first of their ends. */
  readonly portraitCount: number
  readonly portraits: Subscription
}

/** The subscriptions of these companies, by the companies' names; at most `mostProjects` of each. */
export async function subscriptionsOf(
  db: Kysely<DB>,
  companyIds: readonly number[],
  mostProjects: number,
): Promise<readonly CompanySubscriptions[]> {
  const [companies, projects] = await Promise.all([
    readCompanies(db, companyIds),
    readProjects(db, companyIds, mostProjects),
  ])
  return companies.map(({ portraitsEndAt, portraitsHaveEnded, ...company }) => {
    const own = projects.filter(({ companyId }) => companyId === company.id)
    return {
      ...company,
      projects: own,
      projectCount: own[0]?.count ?? 0,
      portraits: { endsAt: portraitsEndAt, hasEnded: portraitsHaveEnded },
    }
  })
}

type CompanyRow = Omit<CompanySubscriptions, 'projects' | 'projectCount' | 'portraits'> & {
  readonly portraitsEndAt: Date | null
  readonly portraitsHaveEnded: boolean
}

async function readCompanies(db: Kysely<DB>, ids: readonly number[]): Promise<CompanyRow[]> {
  const { rows } = await sql<CompanyRow>`
    SELECT c.id, c.name, c.timezone, ${endOf(sql`c.subscription_expires_at`)} AS "endsAt",
           coalesce(c.subscription_expires_at <= fleet.utc_now(), false) AS "hasEnded",
           p.count AS "portraitCount", ${endOf(sql`p.first`)} AS "portraitsEndAt",
           coalesce(p.first <= fleet.utc_now(), false) AS "portraitsHaveEnded"
      FROM companies c
     CROSS JOIN LATERAL (SELECT count(*)::integer, min(subscription_end) AS first
                           FROM portraits WHERE company_id = c.id AND status = 'active') AS p
     WHERE c.id = ANY (${ids})
     ORDER BY c.name, c.id`.execute(db)
  return rows
}

interface ProjectRow extends Subscription {
  readonly companyId: number
  readonly name: string
  readonly count: number
}

async function readProjects(db: Kysely<DB>, ids: readonly number[], most: number): Promise<ProjectRow[]> {
  const { rows } = await sql<ProjectRow>`
    SELECT company_id AS "companyId", name, count, ${endOf(sql`subscription_end`)} AS "endsAt",
           coalesce(subscription_end <= fleet.utc_now(), false) AS "hasEnded"
      FROM (SELECT *, (count(*) OVER (PARTITION BY company_id))::integer AS count,
                   row_number() OVER (PARTITION BY company_id ORDER BY subscription_end, id) AS place
              FROM projects WHERE company_id = ANY (${ids}) AND status = 'active') AS ranked
     WHERE place <= ${most}
     ORDER BY company_id, place`.execute(db)
  return rows
}

/** Infinite ones have none. */
function endOf(column: ReturnType<typeof sql>) {
  return sql`CASE WHEN isfinite(${column}) THEN ${column} END`
}
