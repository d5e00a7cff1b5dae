import { sql } from 'kysely'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { type Difference, pair } from '../catalogue/finding.ts'
import type { Index, Table } from '../catalogue/table.ts'
import { bareName, wantedTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

interface Relation {
  readonly name: string
  /** TABLE, VIEW, INDEX, SEQUENCE, FUNCTION … as ALTER names it. */
  readonly kind: string
}

/** Names in schema `public` that the migrations are to give, and that something else has; and a schema `fleet` that others fill. */
export async function findNames(scene: Scene): Promise<Difference[]> {
  const relations = await readRelations(scene, 'public')
  const wanted = wantedRelations(scene)
  return [
    ...relations.flatMap((relation) => {
      const purpose = wanted.get(relation.name)
      return purpose === undefined || purpose === relation.kind ? [] : [inTheWay(relation, purpose)]
    }),
    ...(await strangers(scene)),
  ]
}

async function readRelations({ db }: Scene, schema: string): Promise<Relation[]> {
  const { rows } = await sql<Relation>`
    SELECT quote_ident(relname) AS name,
           CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                        WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'INDEX' END AS kind
      FROM pg_class
     WHERE relnamespace = to_regnamespace(${schema})
     ORDER BY relname`.execute(db)
  return rows
}

/** Types that come with a table, an array or a range have no life of their own. */
async function readRoutinesAndTypes({ db }: Scene, schema: string): Promise<Relation[]> {
  const { rows } = await sql<Relation>`
    SELECT format('%I(%s)', proname, pg_get_function_identity_arguments(oid)) AS name,
           CASE prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS kind
      FROM pg_proc
     WHERE pronamespace = to_regnamespace(${schema})
     UNION ALL
    SELECT quote_ident(typname), CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END
      FROM pg_type AS t
     WHERE typnamespace = to_regnamespace(${schema}) AND typtype IN ('b', 'd', 'e', 'r')
       AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)
     ORDER BY 2, 1`.execute(db)
  return rows
}

/** What each name is for. A table or view that is one already will be adopted; a new index or sequence finds its name free or not. */
function wantedRelations({ platform, fleet, live }: Scene): Map<string, string> {
  const wanted = new Map<string, string>()
  const { missing, both } = pair(wantedTables({ platform }), live.tables, ({ name }) => name)
  for (const table of missing) {
    for (const { name, default: fallback } of table.columns) {
      if (fallback === 'serial') wanted.set(`${bareName(table.name)}_${name}_seq`, 'the sequence of a new table')
    }
    for (const { name } of table.indexes) wanted.set(name, 'an index of a new table')
  }
  for (const { wanted: table, live: there } of both) {
    for (const index of table.indexes) {
      if (!there.indexes.some((other) => isLike(index, other))) wanted.set(index.name, `an index of ${table.name}`)
    }
  }
  for (const { name } of wantedTables({ platform })) wanted.set(bareName(name), 'TABLE')
  for (const { name } of platform.views) wanted.set(bareName(name), 'VIEW')
  for (const name of addedRelations(fleet, platform)) wanted.set(name, 'what a later migration adds')
  return wanted
}

function isLike(wanted: Index, other: Index): boolean {
  return (
    wanted.definition === other.definition &&
    wanted.unique === other.unique &&
    (other.valid || other.name === wanted.name)
  )
}

/** Names in `public` that only the migrations after the platform's own give. */
function addedRelations(fleet: Catalogue, platform: Catalogue): string[] {
  const names = ({ tables, views }: Catalogue) => [
    ...tables.filter(isPublic).flatMap((table) => [bareName(table.name), ...table.indexes.map(({ name }) => name)]),
    ...views.filter(isPublic).map(({ name }) => bareName(name)),
  ]
  const known = new Set(names(platform))
  return names(fleet).filter((name) => !known.has(name))
}

function isPublic({ schema }: Pick<Table, 'schema'>): boolean {
  return schema === 'public'
}

function inTheWay({ name, kind }: Relation, purpose: string): Difference {
  const found = kind === 'TABLE' ? 'a table' : `${kind === 'INDEX' ? 'an' : 'a'} ${kind.toLowerCase()} of others`
  const wanted =
    purpose === 'TABLE' ? 'a table of the platform' : purpose === 'VIEW' ? 'a view of the platform' : purpose
  return {
    object: `public.${name}`,
    wanted: `the name for ${wanted}`,
    found,
    remedy: [`ALTER ${kind} public.${name} RENAME TO ${name}_before_fleet;`],
  }
}

/** Both schemas are the fleet's alone. Before the first migration there is at most the bookkeeping in one, and nothing in the other. */
async function strangers(scene: Scene): Promise<Difference[]> {
  const inFleet = await readRelations(scene, 'fleet')
  if (inFleet.some(({ name }) => name === 'adoptions')) return []
  const others = [
    ...inFleet.filter(({ name, kind }) => !name.startsWith('migrations') && kind !== 'INDEX'),
    ...(await readRoutinesAndTypes(scene, 'fleet')),
  ]
  const inPgboss = [...(await readRelations(scene, 'pgboss')), ...(await readRoutinesAndTypes(scene, 'pgboss'))]
  return [
    ...others.map(({ name, kind }) => ({
      object: `${kind.toLowerCase()} fleet.${name}`,
      wanted: 'nothing but what the migrations make in schema fleet',
      found: 'an object of others',
      remedy: [`ALTER ${kind} fleet.${name} SET SCHEMA public;`],
    })),
    ...(inPgboss.length === 0 ? [] : [filledPgboss]),
  ]
}

const filledPgboss: Difference = {
  object: 'schema pgboss',
  wanted: 'no such schema, or an empty one: the migrations install pg-boss in it',
  found: "one that holds another program's objects",
  remedy: ['ALTER SCHEMA pgboss RENAME TO pgboss_before_fleet;'],
}
