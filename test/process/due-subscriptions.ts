import { type Kysely, sql } from 'kysely'
import type { DB } from '../../src/db/schema.ts'

/** A subscription that something is due for, with all that a sweep is to make of it, written from the specification. */
interface DueSubscription {
  readonly table: 'projects' | 'portraits'
  readonly id: number
  readonly companyId: number
  readonly clientId: number | null
  readonly endsInHours: number
  readonly expected: string
}

interface Stage {
  readonly endsInHours: number
  readonly ledger: (channels: string) => readonly string[]
  readonly flags: string
  readonly lifecycleStatus: string
  readonly expires: boolean
}

const told = (channels: string) => (channels === '' ? 'skipped nobody_to_tell' : `sent ${channels}`)
const overtaken = ['24h superseded overtaken', '7d superseded overtaken']
const toAdministrator = 'suspended sent email+telegram'

/** Far from every threshold, so that nothing else becomes due while a test runs. */
const stages: readonly [Stage, ...Stage[]] = [
  {
    ...{ endsInHours: 72, flags: '7d', lifecycleStatus: 'expiring', expires: false },
    ledger: (channels) => [`7d ${told(channels)}`],
  },
  {
    ...{ endsInHours: 12, flags: '7d 24h', lifecycleStatus: 'expiring', expires: false },
    ledger: (channels) => [`24h ${told(channels)}`, '7d superseded overtaken'],
  },
  {
    ...{ endsInHours: -48, flags: '7d 24h expired', lifecycleStatus: 'expired', expires: true },
    ledger: (channels) => [...overtaken, `expired ${told(channels)}`],
  },
  {
    ...{ endsInHours: -16 * 24, flags: '7d 24h expired', lifecycleStatus: 'suspended', expires: true },
    ledger: (channels) => [...overtaken, `expired ${told(channels)}`, toAdministrator],
  },
  {
    ...{ endsInHours: -60 * 24, flags: '7d 24h expired', lifecycleStatus: 'suspended', expires: true },
    ledger: () => ['24h', '7d', 'expired', 'suspended'].map((stage) => `${stage} superseded long_past`),
  },
]

const contacts = ['email+telegram', 'email', 'telegram', ''] as const
const companies = 40
export const firstCompany = 101

export const administrator = { ADMIN_EMAIL: 'admin@example.org', ADMIN_TELEGRAM_CHAT_ID: '1' }

/** The companies that `insertDue` makes have the ids from the first to the last. */
export const lastCompany = firstCompany + companies - 1

/** So many projects and portraits of all stages, of companies with all sorts of contacts; every project has one piece of AR content. */
export async function insertDue(
  db: Kysely<DB>,
  { projects, portraits }: { readonly projects: number; readonly portraits: number },
): Promise<readonly DueSubscription[]> {
  await sql`
    INSERT INTO companies (id, name, slug, contact_email, telegram_chat_id)
    SELECT n, 'Company ' || n, 'company-' || n, CASE WHEN n % 4 IN (0, 1) THEN 'company' || n || '@example.org' END,
           CASE WHEN n % 4 IN (0, 2) THEN (-n)::text END
      FROM generate_series(${firstCompany}::int, ${lastCompany}::int) AS n`.execute(db)
  await sql`
    INSERT INTO clients (id, company_id, name, email)
    SELECT id, id, 'Client', 'client' || id || '@example.org' FROM companies WHERE id >= ${firstCompany}`.execute(db)
  const rows = [
    ...Array.from({ length: projects }, (_, index) => dueSubscription('projects', index)),
    ...Array.from({ length: portraits }, (_, index) => dueSubscription('portraits', index)),
  ]
  const given = sql`
    (SELECT id, "companyId" AS company_id, "clientId" AS client_id, "table",
            date_trunc('second', fleet.utc_now() + "endsInHours" * interval '1 hour') AS subscription_end
       FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
         AS r (id int, "companyId" int, "clientId" int, "table" text, "endsInHours" int))`
  await sql`
    INSERT INTO projects (id, company_id, name, slug, subscription_end)
    SELECT id, company_id, 'Project ' || id, 'project-' || id, subscription_end
      FROM ${given} AS r WHERE "table" = 'projects'`.execute(db)
  await sql`
    INSERT INTO portraits (id, company_id, client_id, file_path, subscription_end)
    SELECT id, company_id, client_id, 'portraits/' || id || '.jpg', subscription_end
      FROM ${given} AS r WHERE "table" = 'portraits'`.execute(db)
  await sql`
    INSERT INTO ar_content (project_id, company_id, title, image_path)
    SELECT id, company_id, name, '/i' FROM projects`.execute(db)
  return rows
}

function dueSubscription(table: DueSubscription['table'], index: number): DueSubscription {
  const stage = stages[index % stages.length] ?? stages[0]
  const companyId = firstCompany + (Math.floor(index / stages.length) % companies)
  const hasClient = table === 'portraits' && index % 3 === 0
  const channels = hasClient ? 'email' : (contacts[companyId % contacts.length] ?? '')
  const status = table === 'projects' && stage.expires ? 'expired' : 'active'
  const content = table === 'projects' ? ` content ${stage.expires ? 'closed' : 'open'}` : ''
  return {
    ...{ table, id: index + 1, companyId, clientId: hasClient ? companyId : null, endsInHours: stage.endsInHours },
    expected: `${stage.ledger(channels).join(', ')}; ${stage.flags}; ${stage.lifecycleStatus} ${status}${content}`,
  }
}

/** What became of each, in the words of `expected`, by `projects 17`. */
export async function readOutcomes(db: Kysely<DB>): Promise<ReadonlyMap<string, string>> {
  // Autovacuum may not have looked at tables that were empty minutes ago.
  await sql`ANALYZE projects, portraits, ar_content, notifications, fleet.notices`.execute(db)
  const { rows } = await sql<{ name: string; outcome: string }>`
    WITH messages AS (
      SELECT event_data ->> 'notice' AS notice, string_agg(type, '+' ORDER BY type) AS channels
        FROM notifications GROUP BY 1),
    ledger AS (
      SELECT n.entity_type, n.entity_id,
             string_agg(concat_ws(' ', n.stage, n.outcome, n.reason, m.channels), ', ' ORDER BY n.stage) AS notices
        FROM fleet.notices AS n LEFT JOIN messages AS m ON m.notice = 'lifecycle:' || n.id
       GROUP BY 1, 2),
    subscriptions AS (
      SELECT 'projects' AS entity_type, id, notified_7d, notified_24h, notified_expired, lifecycle_status, status,
             (SELECT CASE WHEN is_active THEN ' content open' ELSE ' content closed' END
                FROM ar_content AS a WHERE a.project_id = p.id) AS content
        FROM projects AS p
      UNION ALL
      SELECT 'portraits', id, notified_7d, notified_24h, notified_expired, lifecycle_status, status, '' FROM portraits)
    SELECT s.entity_type || ' ' || s.id AS name,
           concat(coalesce(l.notices, 'nothing'), '; ',
                  concat_ws(' ', CASE WHEN notified_7d THEN '7d' END, CASE WHEN notified_24h THEN '24h' END,
                            CASE WHEN notified_expired THEN 'expired' END),
                  '; ', lifecycle_status, ' ', status, content) AS outcome
      FROM subscriptions AS s LEFT JOIN ledger AS l ON l.entity_type = s.entity_type AND l.entity_id = s.id`.execute(db)
  return new Map(rows.map(({ name, outcome }) => [name, outcome]))
}
