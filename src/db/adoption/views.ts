import { sql } from 'kysely'
import type { View } from '../catalogue/catalogue.ts'
import { type Difference, pair } from '../catalogue/finding.ts'
import type { Scene } from './preflight.ts'

/** Views that would have to be made anew, which other objects that read them forbid. */
export async function findViews(scene: Scene): Promise<Difference[]> {
  const findings: Difference[] = []
  for (const { wanted, live } of pair(scene.platform.views, scene.live.views, ({ name }) => name).both) {
    if (columnList(live.columns) === columnList(columnsToCome(scene, wanted))) continue
    const dependents = await readDependents(scene, live)
    if (dependents.length === 0) continue
    findings.push({
      object: `view ${wanted.name}`,
      wanted: `the columns ${columnList(wanted.columns)}`,
      found: `others, and ${dependents.join(', ')} which rest on it`,
      remedy: [...dependents.map((dependent) => `DROP ${dependent};`), '-- and make them again after the migration'],
    })
  }
  return findings
}

/** `active_projects` shows whatever columns `projects` has by then, in their order there, and then one more. */
function columnsToCome({ platform, live }: Scene, view: View): View['columns'] {
  if (view.name !== 'public.active_projects') return view.columns
  const isProjects = ({ name }: { readonly name: string }) => name === 'public.projects'
  const there = live.tables.find(isProjects)?.columns ?? []
  const { missing } = pair(platform.tables.find(isProjects)?.columns ?? [], there, ({ name }) => name)
  return [...there, ...missing, ...view.columns.slice(-1)]
}

function columnList(columns: View['columns']): string {
  return columns.map(({ name, type }) => `${name} ${type}`).join(', ')
}

async function readDependents({ db }: Scene, { name }: View): Promise<string[]> {
  const { rows } = await sql<{ label: string }>`
    SELECT DISTINCT label FROM (
      SELECT CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || format('%I.%I', n.nspname, c.relname) AS label
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class c ON c.oid = r.ev_class
        JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE d.refobjid = to_regclass(${name}) AND c.oid <> d.refobjid
      UNION ALL
      SELECT format('TRIGGER %I ON %s', tgname, ${name}::text) FROM pg_trigger WHERE tgrelid = to_regclass(${name}) AND NOT tgisinternal
      UNION ALL
      SELECT format('RULE %I ON %s', rulename, ${name}::text) FROM pg_rewrite WHERE ev_class = to_regclass(${name}) AND rulename <> '_RETURN'
    ) AS dependents
     ORDER BY 1`.execute(db)
  return rows.map(({ label }) => label)
}
