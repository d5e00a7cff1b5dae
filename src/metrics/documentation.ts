import { type Definition, fleetMetrics, processMetrics } from './definitions.ts'

/** The tables of `docs/operations/metrics.md`, by the names of their places. */
const metricTables = { process: renderTable(processMetrics), fleet: renderTable(fleetMetrics) } as const

const place = /(<!-- metrics of the (process|fleet) -->\n)[\s\S]*?(<!-- end -->)/g

/** The page with its tables as the code has them. */
export function renderMetricsPage(page: string): string {
  return page.replace(place, (_, begin: string, name: keyof typeof metricTables, end: string) =>
    [begin, metricTables[name], '\n', end].join(''),
  )
}

function renderTable(definitions: Readonly<Record<string, Definition>>): string {
  const rows = Object.entries(definitions).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n')
}
