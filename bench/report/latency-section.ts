import type { Latency, Spread, Urgent } from './results.ts'
import { atMost, number, type Section } from './section.ts'

export function latencySection({ samples, accepted, commit }: Latency): Section {
  return {
    title: 'Latency',
    explains: `From before an INSERT to the mail’s being accepted by the server, ${number(samples)} mails one after another, each to an idle worker; in turns with the same INSERT into a table that nobody watches, which is what a durable
commit costs here.`,
    table: {
      columns: ['', 'p50', 'p99', 'slowest'],
      rows: [row('INSERT to accepted', accepted), row('a plain INSERT', commit)],
    },
    targets: [
      atMost({ what: 'INSERT to accepted, p50', limit: 5, got: accepted.p50, unit: ' ms' }),
      atMost({
        what: 'INSERT to accepted, p99: a plain commit’s + 10 ms',
        limit: commit.p99 + 10,
        got: accepted.p99,
        unit: ' ms',
      }),
    ],
  }
}

export function urgentSection({ samples, waiting, accepted }: Urgent): Section {
  return {
    title: 'Urgent mail behind a backlog',
    explains: `${number(samples)} mails of priority 1, inserted one at a time while one worker sends ${number(waiting)} of priority 5 that were there before; from before the INSERT to accepted.`,
    table: { columns: ['', 'p50', 'p99', 'slowest'], rows: [row('priority 1', accepted)] },
    targets: [atMost({ what: 'priority 1, p99', limit: 60, got: accepted.p99, unit: ' ms', digits: 1 })],
  }
}

function row(name: string, { p50, p99, max }: Spread): string[] {
  return [name, ...[p50, p99, max].map((value) => `${number(value, 2)} ms`)]
}
