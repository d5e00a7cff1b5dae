import { median } from '../support/quantiles.ts'
import type { SlowRuns, SlowServer } from './results.ts'
import { atLeast, number, type Section } from './section.ts'

export function slowSection({ stepMs, connections, fleets }: SlowServer): Section {
  const [one, many] = fleets
  const ratio = many && one ? median(many.perSecond) / median(one.perSecond) : Number.NaN
  return {
    title: `A server that takes ${stepMs} ms a step`,
    explains: `Each answer comes ${stepMs} ms after its command, that to the message too; MAIL, RCPT and DATA are sent together and answered together. ${connections} connections for each process. The time
runs from the first MAIL command to the last mail accepted. The time of a mail is that for which the server kept its connection waiting, as the server counts it; connections ÷ that time is what could be sent at most.`,
    table: {
      columns: ['processes', 'mails', 'mails/s', 'time of a mail', 'of what could be'],
      rows: fleets.map((fleet) => [
        String(fleet.processes),
        number(fleet.mails),
        number(median(fleet.perSecond), 1),
        `${number(median(fleet.msPerMail), 1)} ms`,
        `${number(efficiency(fleet, connections), 1)} %`,
      ]),
    },
    targets: [
      atLeast({
        what: 'one process, of connections ÷ time of a mail',
        limit: 95,
        got: one ? efficiency(one, connections) : Number.NaN,
        unit: ' %',
        digits: 1,
      }),
      atLeast({ what: `${many?.processes ?? 0} processes, times one`, limit: 7.5, got: ratio }),
    ],
  }
}

function efficiency({ processes, perSecond, msPerMail }: SlowRuns, connections: number): number {
  const most = (processes * connections * 1000) / median(msPerMail)
  return (median(perSecond) / most) * 100
}
