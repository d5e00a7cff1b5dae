import { costSection } from './cost-section.ts'
import { latencySection, urgentSection } from './latency-section.ts'
import { memorySection, startSection } from './process-section.ts'
import type { Machine, Measured, Results } from './results.ts'
import { number, type Section, type Table, type Target } from './section.ts'
import { slowSection } from './slow-section.ts'
import { throughputSection } from './throughput-section.ts'

const begin = '<!-- measured: written by `node bench/render.ts`; change nothing up to the end mark -->'
const end = '<!-- end of what was measured -->'

/** The page with the part between its marks made anew; what is written by hand around it stays. Throws where the marks are missing. */
export function renderPage(page: string, results: Results): string {
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error('The marks around the measured part are missing')
  return `${before}${begin}\n\n${measuredPart(results)}\n\n${end}${after}`
}

function measuredPart({ machine, postgres, measured }: Results): string {
  const sections = sectionsOf(measured)
  const targets = sections.flatMap((section) => section.targets.map((target) => ({ section, target })))
  const reached = targets.filter(({ target }) => target.reached).length
  return [
    `${reached} of ${targets.length} targets are reached.`,
    tableOf({
      columns: ['', 'target', 'wanted', 'measured', ''],
      rows: targets.map(({ section, target }) => [
        section.title,
        target.what,
        target.wanted,
        target.got,
        verdict(target),
      ]),
    }),
    '![Mails in a second, by contestant](benchmarks.svg)',
    ...sections.flatMap((section) => [`## ${section.title}`, section.explains, tableOf(section.table)]),
    '## The machine',
    machineList(machine, postgres),
  ].join('\n\n')
}

function sectionsOf(measured: Measured): Section[] {
  const { throughput, slow, latency, urgent, cost, memory, start } = measured
  return [
    throughput && throughputSection(throughput),
    slow && slowSection(slow),
    latency && latencySection(latency),
    urgent && urgentSection(urgent),
    cost && costSection(cost),
    memory && memorySection(memory),
    start && startSection(start),
  ].filter((section) => section !== undefined)
}

function verdict({ reached, missedPercent }: Target): string {
  return reached ? 'reached' : `**missed by ${number(missedPercent, missedPercent < 10 ? 1 : 0)} %**`
}

function machineList(machine: Machine, postgres: Results['postgres']): string {
  const { cpu, cores, memoryGb, kernel, node, packages, commit, date } = machine
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const settings = Object.entries(postgres).map(([name, value]) => `\`${name} ${value}\``)
  return [
    `- ${cpu}, ${cores} cores, ${memoryGb} GiB, ${kernel}; everything on this one machine: contestants, PostgreSQL and the mail server, which is a process of its own`,
    `- Node.js ${node}, ${versions.join(', ')}`,
    `- PostgreSQL, as it says itself: ${settings.join(', ')}`,
    `- ${date.slice(0, 10)}${commit === '' ? '' : `, commit ${commit}`}`,
  ].join('\n')
}

function tableOf({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}
