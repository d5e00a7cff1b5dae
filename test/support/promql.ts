import { parser } from '@prometheus-io/lezer-promql'

export interface Query {
  /** What it selects: the metric and the labels that it asks for, with their values. */
  readonly selectors: readonly {
    readonly metric: string
    readonly labels: readonly { name: string; value: string }[]
  }[]
  /** The labels that it groups or matches by. */
  readonly grouping: readonly string[]
}

/** Reads PromQL with Prometheus' own grammar; fails where Prometheus would. Grafana's variables count as what they stand for. */
export function readQuery(text: string): Query {
  const query = text.replaceAll('$__rate_interval', '5m')
  const selectors: { metric: string; labels: { name: string; value: string }[] }[] = []
  const grouping: string[] = []
  let isGrouping = false
  parser.parse(query).iterate({
    enter({ name, type, from, to }) {
      const part = query.slice(from, to)
      if (type.isError) throw new Error(`no PromQL: ${query.slice(0, from)}⚠${query.slice(from)}`)
      if (name === 'GroupingLabels') isGrouping = true
      if (name === 'LabelMatchers') isGrouping = false
      if (name === 'Identifier') selectors.push({ metric: part, labels: [] })
      if (name === 'LabelName' && isGrouping) grouping.push(part)
      if (name === 'LabelName' && !isGrouping) selectors.at(-1)?.labels.push({ name: part, value: '' })
      const label = selectors.at(-1)?.labels.at(-1)
      if (name === 'StringLiteral' && !isGrouping && label !== undefined) label.value = part.slice(1, -1)
    },
    leave({ name }) {
      if (name === 'GroupingLabels') isGrouping = false
    },
  })
  return { selectors, grouping }
}
