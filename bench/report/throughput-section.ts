import type { ContestantKey } from '../contestants/lineup.ts'
import { median } from '../support/quantiles.ts'
import type { Throughput } from './results.ts'
import { atLeast, atMost, number, type Section } from './section.ts'

export function throughputSection({ mails, connections, contestants }: Throughput): Section {
  const medians = new Map(contestants.map(({ key, perSecond }) => [key, median(perSecond)]))
  const perSecond = (key: ContestantKey) => medians.get(key) ?? Number.NaN
  const fleet = perSecond('fleet')
  const runs = contestants[0]?.perSecond.length ?? 0
  return {
    title: 'Throughput',
    explains: `${number(mails)} mails that lie in the database when the time begins, half of them ASCII, half Cyrillic, each 1.5 kB of text and 2 kB of HTML;
${connections} SMTP connections for each contestant, over all its processes. The time runs from the first mail that the server has accepted to the last outcome that is durable,
looked for every 2 ms once the last mail is accepted; for nodemailer's loop, which records nothing, to the last mail accepted. Medians of ${runs} runs, the contestants taking turns. In
every run each mail arrived exactly once, or there would be no figure. The fleet's transaction with the mails commits when the workers are ready; the peers' jobs are in the database,
vacuumed and analysed, before they are told to start.`,
    table: {
      columns: ['', 'mails/s', 'slowest and fastest run', 'the fleet’s one process is', 'settings'],
      rows: contestants.map((contestant) => [
        contestant.name,
        number(median(contestant.perSecond)),
        `${number(Math.min(...contestant.perSecond))} to ${number(Math.max(...contestant.perSecond))}`,
        `${number(fleet / median(contestant.perSecond), 2)} times`,
        Object.entries(contestant.settings)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
      ]),
    },
    targets: [
      atLeast({ what: 'times the bare nodemailer loop', limit: 3, got: fleet / perSecond('nodemailer') }),
      atLeast({ what: 'times pg-boss', limit: 3, got: fleet / perSecond('pgBoss') }),
      atLeast({ what: 'times graphile-worker at its best', limit: 8, got: fleet / perSecond('graphileWorker') }),
      atLeast({
        what: 'times graphile-worker without its local queue and batches',
        limit: 8,
        got: fleet / perSecond('graphileWorkerPlain'),
      }),
      atMost({
        what: 'the ledger’s share of the time of a mail',
        limit: 15,
        got: (1 - fleet / perSecond('withoutLedger')) * 100,
        unit: ' %',
        digits: 1,
      }),
    ],
  }
}
