import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A page in Prometheus' text format, as a scrape has it. */
export interface MetricsPage {
  readonly samples: readonly Sample[]
  /** By the name of the metric: what `# TYPE` and `# HELP` say. */
  readonly types: ReadonlyMap<string, string>
  readonly helps: ReadonlyMap<string, string>
  /** The sum of all samples that have these labels; undefined where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined
}

const line = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/

/** Fails where a line is neither a comment nor a sample. */
export async function scrape(port: number): Promise<MetricsPage> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  if (response.status !== 200) throw new Error(`/metrics answers ${response.status}`)
  const lines = (await response.text()).split('\n').filter((text) => text !== '')
  const comments = (kind: string) =>
    new Map(
      lines.flatMap((text) => {
        const [, name, rest] = text.match(new RegExp(`^# ${kind} (\\S+) (.*)$`)) ?? []
        return name === undefined ? [] : [[name, rest ?? ''] as const]
      }),
    )
  const samples = lines.filter((text) => !text.startsWith('#')).map(readSample)
  return {
    samples,
    types: comments('TYPE'),
    helps: comments('HELP'),
    value(name, labels = {}) {
      const meant = samples.filter(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      )
      return meant.length === 0 ? undefined : meant.reduce((sum, { value }) => sum + value, 0)
    },
  }
}

function readSample(text: string): Sample {
  const { name, labels = '', value } = text.match(line)?.groups ?? {}
  if (name === undefined) throw new Error(`no sample: ${text}`)
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', given = '']) => [label, given])
  return { name, labels: Object.fromEntries(pairs), value: value === 'Nan' ? Number.NaN : Number(value) }
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** What `/readyz` says. */
export async function readiness(port: number): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: response.status, body: await response.json() }
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
