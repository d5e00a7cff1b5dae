import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { alertKinds } from '../../src/alerts/alert.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Definition, fleetMetrics, processMetrics } from '../../src/metrics/definitions.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { freePort, type MetricsPage, type Sample, scrape } from '../support/metrics-page.ts'
import { type SpawnedWorker, spawnLastingWorker } from '../support/processes.ts'
import { readQuery } from '../support/promql.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly keep_firing_for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly w: number }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

const rulesFile: { groups: { name: string; rules: Rule[] }[] } = parse(read('docs/prometheus/fleet.rules.yml'))
const rules = rulesFile.groups.flatMap((group) => group.rules)
const dashboard: { panels: Panel[] } = JSON.parse(read('docs/grafana/fleet.json'))
const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })))
const definitions: Readonly<Record<string, Definition>> = { ...processMetrics, ...fleetMetrics }

/** Prometheus adds them. */
const added = ['job', 'instance']

let database: TestDatabase
let installation: Installation
const workers: SpawnedWorker[] = []
const pages: MetricsPage[] = []
let samples: readonly Sample[]

beforeAll(async () => {
  database = await createTestDatabase()
  installation = await createInstallation()
  for (const name of ['email', 'notifications', 'lifecycle']) {
    const port = await freePort()
    const env = { DATABASE_URL: database.workerUrl, SMTP_URL: 'mailbox:', METRICS_PORT: String(port) }
    const worker = spawnLastingWorker({ directory: installation.directory, script: `workers/${name}.ts`, env })
    workers.push(worker)
    await worker.ready()
    pages.push(await scrape(port))
  }
  samples = pages.flatMap((page) => page.samples)
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop('SIGKILL')))
  await installation.remove()
  await database.drop()
})

/** Of a metric as it is served; undefined where it is not. */
function labelsOf(metric: string): string[] | undefined {
  const sample = samples.find(({ name }) => name === metric)
  return sample && [...Object.keys(sample.labels), ...added]
}

function expectServed(expr: string): void {
  const { selectors, grouping } = readQuery(expr)
  expect(selectors).not.toEqual([])
  for (const { metric, labels } of selectors) {
    expect(labelsOf(metric), `${metric} is served`).toBeDefined()
    for (const { name } of labels) expect(labelsOf(metric), metric).toContain(name)
  }
  const known = selectors.flatMap(({ metric }) => labelsOf(metric) ?? [])
  for (const label of grouping) expect(known, expr).toContain(label)
}

describe('the page of each worker', () => {
  it.each(Object.entries(definitions))('%s has its type and its labels', (name, { type, labels, help }) => {
    const serving = pages.filter((page) => page.types.get(name) === type && page.helps.get(name) === help)
    expect(serving).toHaveLength(pages.length)
    const sampled = type === 'histogram' ? `${name}_count` : name
    expect(labelsOf(sampled)?.toSorted()).toEqual([...labels, ...added].toSorted())
  })

  it('is as "promtool check metrics" wants it', () => {
    for (const [name, { type, help }] of Object.entries(definitions)) {
      expect(name).toMatch(/^fleet_[a-z]+(_[a-z]+)*$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      expect(name, 'base units').not.toMatch(/_(ms|milliseconds|minutes|hours|kilobytes|mb)(_|$)/)
      expect(name, 'no type in the name').not.toMatch(/_(gauge|counter|histogram|bucket|sum|count)$/)
      expect(help).toMatch(/^.+[.]$/)
    }
    for (const { samples: served } of pages) {
      const keys = served.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).toSorted()]))
      expect(new Set(keys).size).toBe(keys.length)
    }
  })
})

/** Of a rule, what its expression is compared with. */
function limitOf(alert: string, pattern: RegExp): number {
  const found = rules.flatMap((rule) => (rule.alert === alert ? (pattern.exec(rule.expr)?.[1] ?? []) : []))
  return Number(found[0])
}

describe('the alert rules', () => {
  it('have the limits that the fleet has by default', () => {
    const { alerts } = loadConfig({ env: {}, root: '/nowhere' })
    expect({
      backlogMinutes: limitOf('backlog-too-old', />\s*(\d+)/) / 60,
      failurePercent: limitOf('failure-share-too-high', /> (0\.\d+)/) * 100,
      sweepMinutes: limitOf('sweep-overdue', /> (\d+)/) / 60 + 10,
      backlogCount: limitOf('queue-growth', /> (\d+)/),
    }).toEqual({
      backlogMinutes: alerts.backlogMinutes,
      failurePercent: alerts.failurePercent,
      sweepMinutes: alerts.sweepMinutes,
      backlogCount: alerts.backlogCount,
    })
  })

  it.each(rules)('$alert: $expr', ({ expr }) => expectServed(expr))

  it('are for all that the fleet alerts of by itself, but what the hosts have metrics for', () => {
    const kinds = alertKinds.filter((kind) => kind !== 'host-load')
    expect(new Set(rules.map(({ alert }) => alert))).toEqual(new Set(kinds))
    for (const { alert, annotations } of rules) expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`)
  })

  it('have their runbooks', () => {
    for (const { annotations } of rules) expect(existsSync(join(root, annotations.runbook_url ?? ''))).toBe(true)
  })

  it('are as "promtool check rules" wants them', () => {
    expect(Object.keys(rulesFile)).toEqual(['groups'])
    const known = ['alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations']
    for (const rule of rules) {
      expect(known).toEqual(expect.arrayContaining(Object.keys(rule)))
      for (const duration of [rule.for, rule.keep_firing_for ?? '0s']) expect(duration).toMatch(/^\d+(ms|s|m|h|d)$/)
      expect(['warning', 'critical']).toContain(rule.labels.severity)
      expect(rule.annotations.summary).toMatch(/[.]$/)
    }
    expect(new Set(rules.map(({ alert, expr }) => alert + expr)).size).toBe(rules.length)
  })

  it('name in their texts only labels that their expression keeps', () => {
    for (const { expr, annotations } of rules) {
      const { grouping } = readQuery(expr)
      const texts = Object.values(annotations).join(' ')
      for (const [, label] of texts.matchAll(/\$labels\.(\w+)/g)) expect(grouping).toContain(label)
      for (const [, called] of texts.matchAll(/\|\s*(\w+)/g)) {
        expect(['humanizeDuration', 'humanizePercentage', 'humanize1024']).toContain(called)
      }
    }
  })
})

describe('the dashboard', () => {
  it.each(targets)('$title: $expr', ({ expr, legendFormat }) => {
    expectServed(expr)
    const { grouping } = readQuery(expr)
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(grouping).toContain(label)
  })

  it('has panels that lie beside each other, and each number once', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    for (const { gridPos, targets: asked = [] } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      expect(new Set(asked.map(({ refId }) => refId)).size).toBe(asked.length)
    }
  })

  it('shows every metric of the fleet', () => {
    const shown = targets.flatMap(({ expr }) => readQuery(expr).selectors.map(({ metric }) => metric))
    for (const name of Object.keys(definitions)) {
      expect(shown.map((metric) => metric.replace(/_bucket$/, ''))).toContain(name)
    }
  })
})

describe('PromQL with a fault', () => {
  it.each(['sum by (queue (x)', 'rate(x[5m)', 'x{queue=email}', ''])('is found: %s', (expr) => {
    expect(() => expectServed(expr)).toThrow()
  })
})
