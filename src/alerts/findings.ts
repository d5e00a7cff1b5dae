import type { Finding } from './alert.ts'
import { type Facts, type QueueFacts, type Sample, workerNames } from './facts.ts'

export interface Limits {
  readonly backlogMinutes: number
  readonly backlogCount: number
  readonly failurePercent: number
  readonly sweepMinutes: number
  readonly hostPercent: number
}

/** Of fewer attempts a share says nothing. */
const leastAttempts = 20
/** What is so far beyond its limit cannot wait for the morning. */
const criticalBacklogs = 4
const criticalFailurePercent = 80
const criticalHostPercent = 95
const growthMs = 30 * 60_000
/** A look may come a little early or late. */
const sampleSlackMs = 6 * 60_000
const freshMs = 3 * 60_000
const dayMs = 24 * 3_600_000
const leastDatabaseGrowth = 5 * 1024 ** 3
const databaseGrowthShare = 0.2
const minuteMs = 60_000

/** All that is wrong now. */
export function findAll(facts: Facts, limits: Limits): Finding[] {
  const queues = facts.queues.filter(({ isPaused }) => !isPaused)
  return [
    ...queues.flatMap((queue) => findBacklog(queue, facts.now, limits)),
    ...queues.flatMap((queue) => findQueueGrowth(queue, facts, limits)),
    ...findFailures(facts, limits),
    ...findOutages(facts),
    ...findMissingWorkers(facts),
    ...findBlocked(facts),
    ...findOverdueSweep(facts, limits),
    ...findDatabaseGrowth(facts),
    ...findFullHosts(facts, limits),
  ]
}

function findBacklog({ queue, due, late, oldestDueAt }: QueueFacts, now: Date, limits: Limits): Finding[] {
  const minutes = Math.floor((now.getTime() - oldestDueAt.getTime()) / minuteMs)
  const { backlogMinutes, backlogCount } = limits
  if (minutes < backlogMinutes && late <= backlogCount) return []
  const severity = minutes >= criticalBacklogs * backlogMinutes ? 'critical' : 'warning'
  return [{ kind: 'backlog-too-old', subject: queue, severity, detail: { due, minutes } }]
}

/** Above the limit, and at no sample of the last half hour fewer than at the one before. */
function findQueueGrowth({ queue, due }: QueueFacts, { samples, now }: Facts, { backlogCount }: Limits): Finding[] {
  const past = samplesOf(`due ${queue}`, samples).filter(
    ({ takenAt }) => now.getTime() - takenAt.getTime() <= growthMs + sampleSlackMs,
  )
  const [first] = past
  if (due <= backlogCount || first === undefined || now.getTime() - first.takenAt.getTime() < growthMs) return []
  const values = [...past.map(({ value }) => value), due]
  const grows = values.every((value, index) => value >= (values[index - 1] ?? 0)) && due > first.value
  return grows
    ? [{ kind: 'queue-growth', subject: queue, severity: 'warning', detail: { due, before: first.value } }]
    : []
}

function findFailures({ outcomes }: Facts, { failurePercent }: Limits): Finding[] {
  return outcomes.flatMap(({ queue, sent, failed }): Finding[] => {
    const attempts = sent + failed
    const percent = attempts === 0 ? 0 : Math.floor((100 * failed) / attempts)
    if (attempts < leastAttempts || percent < failurePercent) return []
    const severity = percent >= criticalFailurePercent ? 'critical' : 'warning'
    return [{ kind: 'failure-share-too-high', subject: queue, severity, detail: { failed, attempts, percent } }]
  })
}

/**
 * Of the mail server, where all workers of a kind meet it: what one cannot send another takes up. And of the services behind the channels.
 */
function findOutages({ workers, closedChannels }: Facts): Finding[] {
  const byWorker = [...Map.groupBy(workers, ({ name }) => name)].flatMap(([name, alive]): Finding[] => {
    const outages = alive.flatMap(({ outage }) => outage ?? [])
    const [first] = outages.toSorted((a, b) => a.since.getTime() - b.since.getTime())
    if (first === undefined || outages.length < alive.length) return []
    const detail = { reason: first.reason, since: first.since.toISOString() }
    return [{ kind: 'outage', subject: name, severity: 'critical', detail }]
  })
  const byChannel = closedChannels.map(
    ({ channel, reason }): Finding => ({
      ...{ kind: 'outage', subject: channel, severity: 'critical' },
      detail: { reason, since: null },
    }),
  )
  return [...byWorker, ...byChannel]
}

function findMissingWorkers({ workers }: Facts): Finding[] {
  return workerNames
    .filter((name) => !workers.some((worker) => worker.name === name))
    .map((name) => ({ kind: 'no-worker-alive', subject: name, severity: 'critical', detail: {} }))
}

function findBlocked({ workers }: Facts): Finding[] {
  const blocked = workers.filter((worker) => worker.blocked !== null)
  const [first] = blocked
  if (first === undefined) return []
  const detail = { workers: blocked.length, reason: first.blocked }
  return [{ kind: 'wrong-database', subject: '', severity: 'critical', detail }]
}

function findOverdueSweep({ sweep, now }: Facts, { sweepMinutes }: Limits): Finding[] {
  if (sweep === null) return []
  const minutes = Math.floor((now.getTime() - sweep.doneAt.getTime()) / minuteMs)
  if (minutes < sweepMinutes) return []
  const detail = { minutes, outcome: sweep.lastOutcome }
  return [{ kind: 'sweep-overdue', subject: '', severity: 'warning', detail }]
}

/** Against the least of the last day, so that what was deleted meanwhile does not hide what came. */
function findDatabaseGrowth({ samples, now }: Facts): Finding[] {
  const sizes = samplesOf('database bytes', samples).filter(({ takenAt }) => now.getTime() - takenAt.getTime() <= dayMs)
  const bytes = sizes.at(-1)?.value ?? 0
  const before = Math.min(...sizes.map(({ value }) => value))
  const growth = bytes - before
  if (sizes.length === 0 || growth < Math.max(leastDatabaseGrowth, databaseGrowthShare * before)) return []
  return [{ kind: 'disk-growth', subject: 'database', severity: 'warning', detail: { bytes, growth } }]
}

function findFullHosts({ samples, now }: Facts, { hostPercent }: Limits): Finding[] {
  return [...Map.groupBy(samples, ({ subject }) => subject)].flatMap(([subject, taken]): Finding[] => {
    const [, host, what] = /^host (.+) (disk|memory|load)$/.exec(subject) ?? []
    const latest = taken.toSorted(byTime).at(-1)
    if (host === undefined || what === undefined || latest === undefined) return []
    if (now.getTime() - latest.takenAt.getTime() > freshMs) return []
    const percent = Math.floor(100 * latest.value)
    if (percent < hostPercent) return []
    return what === 'disk'
      ? [
          {
            ...{ kind: 'disk-growth', subject: host, detail: { percent } },
            severity: percent >= criticalHostPercent ? 'critical' : 'warning',
          },
        ]
      : [{ kind: 'host-load', subject: `${host} ${what}`, severity: 'warning', detail: { percent } }]
  })
}

function samplesOf(subject: string, samples: readonly Sample[]): Sample[] {
  return samples.filter((sample) => sample.subject === subject).sort(byTime)
}

function byTime(a: Sample, b: Sample): number {
  return a.takenAt.getTime() - b.takenAt.getTime()
}
