import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { acceptBuckets, type Definition, fleetMetrics, processMetrics } from './definitions.ts'

const definitions = { ...processMetrics, ...fleetMetrics }
type Definitions = typeof definitions

export type MetricName<Type extends Definition['type']> = {
  [Name in keyof Definitions]: Definitions[Name]['type'] extends Type ? Name : never
}[keyof Definitions]

/** Exactly the labels that a metric has. */
export type LabelsOf<Name extends keyof Definitions> = Readonly<
  Record<Definitions[Name]['labels'][number], string | number>
>

/** One value of a gauge, with its labels. */
export type Sample<Name extends keyof Definitions> = LabelsOf<Name> & { readonly value: number }

/** The metrics of `definitions.ts` and Node's own, in a registry of their own. */
export class MetricRegistry {
  readonly #registry = new Registry()
  readonly #gauges = new Map<string, Gauge>()
  readonly #counters = new Map<string, Counter>()
  readonly #histograms = new Map<string, Histogram>()

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const [name, definition] of Object.entries(definitions)) this.#add(name, definition)
  }

  #add(name: string, { type, labels: labelNames, help }: Definition): void {
    const configuration = { name, help, labelNames, registers: [this.#registry] }
    if (type === 'gauge') this.#gauges.set(name, new Gauge(configuration))
    if (type === 'counter') this.#counters.set(name, new Counter(configuration))
    if (type === 'histogram') this.#histograms.set(name, new Histogram({ ...configuration, buckets: acceptBuckets }))
  }

  /** All that a gauge has from now on; without any it is left out of the answer. */
  set<Name extends MetricName<'gauge'>>(name: Name, samples: readonly Sample<Name>[]): void {
    const gauge = of(this.#gauges, name)
    gauge.reset()
    // Without labels that makes a 0.
    if (definitions[name].labels.length === 0) gauge.remove()
    for (const { value, ...labels } of samples) gauge.set(labels, value)
  }

  /** A series that is to be there before anything is counted. To be called once, before. */
  begin<Name extends MetricName<'counter' | 'histogram'>>(name: Name, labels: LabelsOf<Name>): void {
    this.#counters.get(name)?.inc({ ...labels }, 0)
    this.#histograms.get(name)?.zero({ ...labels })
  }

  count<Name extends MetricName<'counter'>>(name: Name, labels: LabelsOf<Name>): void {
    of(this.#counters, name).inc({ ...labels })
  }

  observe<Name extends MetricName<'histogram'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    of(this.#histograms, name).observe({ ...labels }, value)
  }

  /** In Prometheus' text format. */
  async render(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }
}

function of<T>(metrics: ReadonlyMap<string, T>, name: string): T {
  const metric = metrics.get(name)
  if (metric === undefined) throw new Error(`no metric ${name}`)
  return metric
}
