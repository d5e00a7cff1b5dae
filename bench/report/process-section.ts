import { median } from '../support/quantiles.ts'
import type { Memory, Start } from './results.ts'
import { atMost, number, type Section } from './section.ts'

export function memorySection({ early, late, imports }: Memory): Section {
  const mib = (value: number) => `${number(value, 1)} MiB`
  return {
    title: 'Memory of a worker',
    explains: `Resident memory as the kernel counts it, of an idle worker that has just collected its garbage. Beside it a process that has loaded the same modules, those loaded later and with the first mail too, and
has done nothing else.`,
    table: {
      columns: ['', 'resident'],
      rows: [
        ['the modules alone', mib(imports)],
        [`a worker after ${number(early.mails)} mails`, mib(early.mib)],
        [`the same after ${number(late.mails)}`, mib(late.mib)],
      ],
    },
    targets: [
      atMost({
        what: `growth from ${number(early.mails)} to ${number(late.mails)} mails`,
        limit: 5,
        got: (late.mib / early.mib - 1) * 100,
        unit: ' %',
        digits: 1,
      }),
      atMost({ what: 'above its modules', limit: 60, got: late.mib - imports, unit: ' MiB', digits: 1 }),
    ],
  }
}

export function startSection({ readyMs }: Start): Section {
  const middle = median(readyMs)
  const ms = (value: number) => `${number(value)} ms`
  return {
    title: 'Start of a worker',
    explains: `From the spawn of \`workers/email.ts\` to its word that it is ready, ${readyMs.length} starts one after another, two before them not counted: the compile cache is warm.`,
    table: {
      columns: ['', 'median', 'fastest', 'slowest'],
      rows: [['spawn to ready', ms(middle), ms(Math.min(...readyMs)), ms(Math.max(...readyMs))]],
    },
    targets: [atMost({ what: 'spawn to ready, median', limit: 400, got: middle, unit: ' ms', digits: 0 })],
  }
}
