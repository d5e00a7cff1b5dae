import type { Catalogue, Grants } from './catalogue.ts'
import { type Finding, pair } from './finding.ts'
import { grant, revoke } from './object-ddl.ts'
import { ownership } from './scope.ts'
import type { Table } from './table.ts'

/** Something that privileges are granted on. */
interface Target {
  /** `TABLE public.users`, as GRANT wants it. */
  readonly name: string
  readonly key: string
  readonly schema: string
  readonly grants: Grants
  /** Of a table: where one is missing, its rights come back with it. */
  readonly columns?: readonly string[]
}

/**
 * What the fleet's roles and PUBLIC may do, on objects that are both wanted and there. A platform that has taken rights on its own
 * objects from PUBLIC is not asked to give them back.
 */
export function compareGrants(wanted: Catalogue, live: Catalogue): Finding[] {
  const { both } = pair(targetsOf(wanted), targetsOf(live), ({ key }) => key)
  return both.flatMap(({ wanted: target, live: there }): Finding[] => {
    const [, lacking] = split(
      without(grantable(target, there), there.grants),
      (role) => role === 'PUBLIC' && target.schema === 'public',
    )
    const extra = without(ofOthers(there), target.grants)
    const [unwanted, others] = split(extra, (role) => role !== 'PUBLIC' || target.schema === 'fleet')
    const object = `grants on ${nameOf(there)}`
    return [
      ...differ({ object, wanted: lacking, found: {}, remedy: grant(there.name, lacking) }),
      ...differ({ object, wanted: {}, found: unwanted, remedy: revoke(there.name, unwanted) }),
      ...(isEmpty(others) || target.schema === 'pgboss'
        ? []
        : [{ object: `${object}: ${describe(others)}`, note: null }]),
    ]
  })
}

/** Every GRANT to one role. */
export function grantsOf(role: string, catalogue: Catalogue): string[] {
  return targetsOf(catalogue).flatMap(({ name, grants }) => grant(name, { [role]: grants[role] ?? [] }))
}

function targetsOf({ schemas, tables, views, routines, sequences }: Catalogue): Target[] {
  return [
    ...schemas.map(({ name, grants }) => ({ name: `SCHEMA ${name}`, key: `schema ${name}`, schema: name, grants })),
    ...[...tables, ...views].map(({ name, schema, grants, columns }) => ({
      name: `TABLE ${name}`,
      key: name,
      schema,
      grants,
      columns: columns.map((column) => column.name),
    })),
    ...tables.flatMap(numberingOf),
    ...sequences.map(({ name, schema, grants }) => ({
      name: `SEQUENCE ${name}`,
      key: `sequence ${name}`,
      schema,
      grants,
    })),
    ...routines.map(({ name, kind, schema, grants }) => ({
      name: `${kind} ${name}`,
      key: `routine ${name}`,
      schema,
      grants,
    })),
  ]
}

/** A sequence goes by the column that it numbers, not by its name. */
function numberingOf({ name: table, schema, columns }: Table): Target[] {
  return columns.flatMap(({ name, sequence }) =>
    sequence === null
      ? []
      : [{ name: `SEQUENCE ${sequence.name}`, key: `sequence of ${table}.${name}`, schema, grants: sequence.grants }],
  )
}

/** Without what an owner needs no grant for, what schema `public` gives to everybody, and columns that are missing. */
function grantable({ key, grants }: Target, there: Target): Grants {
  const open = key === publicSchema ? (there.grants.PUBLIC ?? []) : []
  const isPossible = (privilege: string) => {
    const column = / \((.*)\)$/.exec(privilege)?.[1]
    return (column === undefined || there.columns?.includes(column) === true) && !open.includes(privilege)
  }
  return Object.fromEntries(
    Object.entries(ofOthers({ key, grants }))
      .filter(([role]) => !isOwner(there, role))
      .map(([role, privileges]) => [role, privileges.filter(isPossible)] as const),
  )
}

const publicSchema = 'schema public'

/** Other than the owner. What PUBLIC may do in schema `public` differs by version and is nobody's intent. */
function ofOthers(target: Pick<Target, 'key' | 'grants'>): Grants {
  const [others] = split(
    target.grants,
    (role) => !isOwner(target, role) && (role !== 'PUBLIC' || target.key !== publicSchema),
  )
  return others
}

function isOwner({ grants }: Pick<Target, 'grants'>, role: string): boolean {
  return grants[role]?.includes(ownership) === true
}

function differ(given: { object: string; wanted: Grants; found: Grants; remedy: string[] }): Finding[] {
  if (given.remedy.length === 0) return []
  return [{ ...given, wanted: describe(given.wanted), found: describe(given.found) }]
}

function without(grants: Grants, others: Grants): Grants {
  return Object.fromEntries(
    Object.entries(grants)
      .map(([role, all]) => [role, all.filter((privilege) => !(others[role] ?? []).includes(privilege))] as const)
      .filter(([, privileges]) => privileges.length > 0),
  )
}

function split(grants: Grants, belongs: (role: string) => boolean): [Grants, Grants] {
  const entries = Object.entries(grants)
  return [
    Object.fromEntries(entries.filter(([role]) => belongs(role))),
    Object.fromEntries(entries.filter(([role]) => !belongs(role))),
  ]
}

function describe(grants: Grants): string {
  if (isEmpty(grants)) return 'not granted'
  return Object.entries(grants)
    .map(([role, privileges]) => `${privileges.join(', ')} to ${role}`)
    .join('; ')
}

function isEmpty(grants: Grants): boolean {
  return Object.keys(grants).length === 0
}

function nameOf({ name }: Target): string {
  return name.replace(/^\w+/, (kind) => kind.toLowerCase())
}
