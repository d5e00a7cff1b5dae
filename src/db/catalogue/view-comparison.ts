import type { Catalogue, View } from './catalogue.ts'
import { type Difference, type Finding, nothing, type Pair, pair } from './finding.ts'
import { stranger } from './object-comparison.ts'
import { comment, createView, grant } from './object-ddl.ts'

/** Views by what they show; the order of their columns does not matter, and others may have added columns to one in `public`. */
export function compareViews(wanted: Catalogue, live: Catalogue): Finding[] {
  const { missing, extra, both } = pair(wanted.views, live.views, ({ name }) => name)
  return [
    ...missing.map((view) => ({
      object: `view ${view.name}`,
      wanted: 'a view',
      found: nothing,
      remedy: makeView(view),
    })),
    ...both.flatMap(compareView),
    ...extra.flatMap((view) => stranger(view, 'VIEW')),
  ]
}

function compareView(views: Pair<View>): Difference[] {
  const { wanted, live } = views
  const object = `view ${wanted.name}`
  if (!showsTheSame(views)) {
    return [
      {
        object,
        wanted: 'the query that the migration gives it',
        found: 'another query',
        remedy: canReplace(views) ? [createView(wanted)] : [`DROP VIEW ${wanted.name};`, ...makeView(wanted)],
      },
    ]
  }
  if (wanted.securityInvoker === live.securityInvoker) return []
  const rights = ({ securityInvoker }: View) =>
    securityInvoker ? 'read with its reader’s rights' : 'read with its owner’s rights'
  const remedy = [`ALTER VIEW ${wanted.name} SET (security_invoker = ${wanted.securityInvoker});`]
  return [{ object, wanted: rights(wanted), found: rights(live), remedy }]
}

function showsTheSame({ wanted, live }: Pair<View>): boolean {
  if (wanted.definition === live.definition) return true
  const [want, found] = [parse(wanted), parse(live)]
  const mayHaveMore = wanted.schema === 'public'
  return (
    want.rest === found.rest &&
    want.items.every((item) => found.items.includes(item)) &&
    (mayHaveMore || want.items.length === found.items.length)
  )
}

/** What is selected, an item a line as PostgreSQL prints it, and from where. */
function parse({ definition }: View): { readonly items: readonly string[]; readonly rest: string } {
  const start = definition.search(/\n +FROM /)
  const end = start === -1 ? definition.length : start
  const items = definition
    .slice(0, end)
    .replace(/^\s*SELECT\s+/, '')
    .split(/,\n\s*/)
  return { items, rest: definition.slice(end) }
}

/** Only columns at the end may be added to a view that stays. */
function canReplace({ wanted, live }: Pair<View>): boolean {
  return live.columns.every(({ name, type }, index) => {
    const column = wanted.columns[index]
    return column?.name === name && column.type === type
  })
}

function makeView(view: View): string[] {
  const target = `VIEW ${view.name}`
  return [createView(view), ...grant(`TABLE ${view.name}`, view.grants), ...comment(target, view.comment)]
}
