import type { Catalogue, Routine } from './catalogue.ts'
import { type Difference, type Finding, nothing, pair } from './finding.ts'
import { comment, createRoutine, grant, revoke } from './object-ddl.ts'

/** What stands beside tables and views. */

export function compareSchemas(wanted: Catalogue, live: Catalogue): Finding[] {
  return pair(wanted.schemas, live.schemas, ({ name }) => name).missing.map(({ name, grants, comment: text }) => ({
    object: `schema ${name}`,
    wanted: 'a schema',
    found: nothing,
    remedy: [`CREATE SCHEMA ${name};`, ...grant(`SCHEMA ${name}`, grants), ...comment(`SCHEMA ${name}`, text)],
  }))
}

export function compareExtensions(wanted: Catalogue, live: Catalogue): Finding[] {
  return wanted.extensions
    .filter((name) => !live.extensions.includes(name))
    .map((name) => ({
      object: `extension ${name}`,
      wanted: 'an extension',
      found: nothing,
      remedy: [`CREATE EXTENSION ${name} WITH SCHEMA public;`],
    }))
}

export function compareEnums(wanted: Catalogue, live: Catalogue): Finding[] {
  const { missing, extra, both } = pair(wanted.enums, live.enums, ({ name }) => name)
  const quote = (label: string) => `'${label.replaceAll("'", "''")}'`
  return [
    ...missing.map(({ name, labels }) => ({
      object: `type ${name}`,
      wanted: `ENUM (${labels.map(quote).join(', ')})`,
      found: nothing,
      remedy: [`CREATE TYPE ${name} AS ENUM (${labels.map(quote).join(', ')});`],
    })),
    ...both.flatMap(({ wanted: { name, labels }, live: there }) => {
      const lacking = labels.filter((label) => !there.labels.includes(label))
      return lacking.map((label) => ({
        object: `type ${name}`,
        wanted: `the label ${quote(label)}`,
        found: nothing,
        remedy: [`ALTER TYPE ${name} ADD VALUE ${quote(label)};`],
      }))
    }),
    ...extra.flatMap(({ name }) => stranger({ schema: name.split('.')[0] ?? '', name }, 'TYPE')),
  ]
}

export function compareSequences(wanted: Catalogue, live: Catalogue): Finding[] {
  const { missing, extra } = pair(wanted.sequences, live.sequences, ({ name }) => name)
  return [
    ...missing.map(({ name, grants }) => ({
      object: `sequence ${name}`,
      wanted: 'a sequence',
      found: nothing,
      remedy: [`CREATE SEQUENCE ${name};`, ...grant(`SEQUENCE ${name}`, grants)],
    })),
    ...extra.flatMap((sequence) => stranger(sequence, 'SEQUENCE')),
  ]
}

export function compareRoutines(wanted: Catalogue, live: Catalogue): Finding[] {
  const { missing, extra, both } = pair(wanted.routines, live.routines, ({ name }) => name)
  return [
    ...missing.map((routine) => ({
      object: labelOf(routine),
      wanted: 'a function',
      found: nothing,
      remedy: makeRoutine(routine),
    })),
    ...both.flatMap(({ wanted: routine, live: there }) => compareRoutine(routine, there)),
    ...extra.flatMap((routine) => stranger(routine, routine.kind)),
  ]
}

function compareRoutine(wanted: Routine, live: Routine): Difference[] {
  const [want, found] = [declarationOf(wanted), declarationOf(live)]
  if (want === found && wanted.body === live.body) return []
  // Neither what it answers nor the names of its arguments can be replaced.
  const isOther = wanted.result !== live.result || wanted.arguments !== live.arguments || wanted.kind !== live.kind
  return [
    {
      object: labelOf(wanted),
      wanted: want === found ? 'the body that the migration gives it' : want,
      found: want === found ? 'another body' : found,
      remedy: isOther ? [`DROP ${live.kind} ${live.name};`, ...makeRoutine(wanted)] : [createRoutine(wanted)],
    },
  ]
}

function declarationOf({ arguments: given, result, language, attributes, settings }: Routine): string {
  return [`(${given})`, `returns ${result}`, language, ...attributes, ...settings].join(' ')
}

function makeRoutine(routine: Routine): string[] {
  const target = `${routine.kind} ${routine.name}`
  return [
    createRoutine(routine),
    ...(routine.grants.PUBLIC === undefined ? revoke(target, { PUBLIC: ['EXECUTE'] }) : []),
    ...grant(target, routine.grants),
    ...comment(target, routine.comment),
  ]
}

function labelOf({ kind, name }: Routine): string {
  return `${kind.toLowerCase()} ${name}`
}

/** What nobody expects: others may have their own objects in `public`, but none in the fleet's schema. pg-boss makes its own. */
export function stranger(
  { schema, name }: { readonly schema: string; readonly name: string },
  kind: string,
): Finding[] {
  const object = `${kind.toLowerCase()} ${name}`
  if (schema === 'pgboss') return []
  if (schema !== 'fleet') return [{ object, note: null }]
  return [
    { object, wanted: nothing, found: 'an object of others', remedy: [`ALTER ${kind} ${name} SET SCHEMA public;`] },
  ]
}
