import { median } from '../support/quantiles.ts'
import type { Condition, DatabaseCost } from './results.ts'
import { atMost, number, type Section } from './section.ts'

const measures = [
  { name: 'CPU', key: 'cpuMicros', unit: ' µs' },
  { name: 'WAL', key: 'walBytes', unit: ' bytes' },
  { name: 'buffers', key: 'buffers', unit: '' },
] as const

/** What still counts as flat: runs differ by as much. */
const flat = 1.1
const twice = 2

export function costSection({ mails, conditions }: DatabaseCost): Section {
  const little = conditions.find(({ key }) => key === 'little')
  const compared = conditions.filter(({ key }) => key !== 'little')
  return {
    title: 'Cost of a mail in PostgreSQL',
    explains: `${number(mails)} mails by one process, from the commit that makes them visible to the worker’s end; divided by their number. CPU is that of all processes of the server, as the kernel counts it; buffers are pages asked for,
wherever they were found. History is mails sent over the last 90 days, with the ledger of their attempts. The snapshot is that of another session’s REPEATABLE READ transaction, open from before the start to after the end.
Medians, the conditions taking turns, each run on a fresh copy of its database after a checkpoint: pages touched for the first time go into the WAL whole.`,
    table: {
      columns: ['', ...measures.map(({ name }) => `${name} per mail`)],
      rows: conditions.map((condition) => [
        nameOf(condition),
        ...measures.map(({ key, unit }) => `${number(median(condition[key]))}${unit}`),
      ]),
    },
    targets: compared.flatMap((condition) =>
      measures.map(({ name, key }) =>
        atMost({
          what: `${name}, ${nameOf(condition)}, times that with ${number(little?.history ?? 0)}`,
          limit: condition.key === 'snapshot' ? twice : flat,
          got: median(condition[key]) / median(little?.[key] ?? []),
        }),
      ),
    ),
  }
}

function nameOf({ key, history }: Condition): string {
  return key === 'snapshot' ? 'a snapshot held open' : `${number(history)} rows of history`
}
