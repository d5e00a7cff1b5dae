import type { Catalogue } from './catalogue.ts'
import { type Finding, pair } from './finding.ts'
import { comment } from './object-ddl.ts'

interface Commented {
  readonly target: string
  readonly text: string | null
}

/**
 * The platform's own words about its tables stand; only where it has none are the fleet's expected. Those on a schema are not
 * compared: one that was there before the fleet keeps its own, or none.
 */
export function compareComments(wanted: Catalogue, live: Catalogue): Finding[] {
  const { both } = pair(holdersOf(wanted), holdersOf(live), ({ name }) => name)
  return both.flatMap(({ wanted: holder, live: there }): Finding[] => {
    const found = new Map(there.comments.map(({ target, text }) => [target, text]))
    const isWrong = ({ target, text }: Commented) => {
      const present = found.get(target)
      if (text === null || present === undefined || present === text) return false
      return present === null || holder.schema === 'fleet'
    }
    const wrong = holder.comments.filter(isWrong)
    if (wrong.length === 0) return []
    return [
      {
        object: `comments of ${holder.name}`,
        wanted: wrong.length === 1 ? (wrong[0]?.text ?? '') : `the fleet's on ${wrong.length} parts of it`,
        found: wrong.every(({ target }) => found.get(target) === null) ? 'none' : 'others',
        remedy: wrong.flatMap(({ target, text }) => comment(target, text)),
      },
    ]
  })
}

interface Holder {
  readonly schema: string
  readonly name: string
  readonly comments: readonly Commented[]
}

function holdersOf({ tables, views, routines }: Catalogue): Holder[] {
  const whole = (
    kind: string,
    { schema, name, comment: text }: { schema: string; name: string; comment: string | null },
  ) => ({
    schema,
    name: `${kind.toLowerCase()} ${name}`,
    comments: [{ target: `${kind} ${name}`, text }],
  })
  return [
    ...tables.map((table) => ({
      schema: table.schema,
      name: `table ${table.name}`,
      comments: [
        { target: `TABLE ${table.name}`, text: table.comment },
        ...table.columns.map(({ name, comment: text }) => ({ target: `COLUMN ${table.name}.${name}`, text })),
      ],
    })),
    ...views.map((view) => whole('VIEW', view)),
    ...routines.map((routine) => whole(routine.kind, routine)),
  ]
}
