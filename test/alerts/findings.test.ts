import { describe, expect, it } from 'vitest'
import type { Facts } from '../../src/alerts/facts.ts'
import { findAll } from '../../src/alerts/findings.ts'

const now = new Date('2026-03-02T03:00:00Z')
const limits = { backlogMinutes: 15, backlogCount: 100, failurePercent: 30, sweepMinutes: 40, hostPercent: 90 }
const worker = { outage: null, blocked: null }
const well: Facts = {
  now,
  queues: [],
  outcomes: [],
  workers: ['email', 'notifications', 'lifecycle'].map((name) => ({ owner: `${name}@a:1`, name, ...worker })),
  closedChannels: [],
  sweep: { doneAt: ago(10), lastOutcome: 'done' },
  samples: [],
}

function ago(minutes: number): Date {
  return new Date(now.getTime() - minutes * 60_000)
}

function queue(minutes: number, { due = 1, late = 0, isPaused = false } = {}) {
  return { queue: 'email', due, late, oldestDueAt: ago(minutes), isPaused }
}

function samples(subject: string, values: readonly (readonly [minutesAgo: number, value: number])[]) {
  return values.map(([minutes, value]) => ({ subject, takenAt: ago(minutes), value }))
}

function out(pid: number) {
  return { owner: `email@b:${pid}`, name: 'email', blocked: null, outage: { since: ago(pid), reason: 'no' } }
}

const gib = 1024 ** 3
const growing = samples('due email', [
  [30, 10],
  [20, 50],
  [10, 120],
])

describe('what is wrong', () => {
  it.each<[name: string, facts: Partial<Facts>, found: string]>([
    ['nothing where all is well', {}, ''],
    ['no backlog that is young and small', { queues: [queue(14, { due: 10_000, late: 100 })] }, ''],
    ['a backlog that is old', { queues: [queue(15)] }, 'warning backlog-too-old email'],
    ['no backlog that is paused', { queues: [queue(60, { late: 1_000, isPaused: true })], samples: growing }, ''],
    ['a backlog that is very old', { queues: [queue(60)] }, 'critical backlog-too-old email'],
    [
      'a backlog above 100 that does not go out',
      { queues: [queue(6, { due: 101, late: 101 })] },
      'warning backlog-too-old email',
    ],
    [
      'a queue that has grown for half an hour',
      { queues: [queue(1, { due: 130 })], samples: growing },
      'warning queue-growth email',
    ],
    ['no growth below 100', { queues: [queue(1, { due: 100 })], samples: samples('due email', [[30, 1]]) }, ''],
    ['no growth with a fall in between', { queues: [queue(1, { due: 119 })], samples: growing }, ''],
    [
      'no growth that is not known for half an hour',
      { queues: [queue(1, { due: 130 })], samples: growing.slice(1) },
      '',
    ],
    ['failures', { outcomes: [{ queue: 'email', sent: 14, failed: 6 }] }, 'warning failure-share-too-high email'],
    [
      'hardly anything but failures',
      { outcomes: [{ queue: 'sms', sent: 4, failed: 16 }] },
      'critical failure-share-too-high sms',
    ],
    ['no share of fewer than 20', { outcomes: [{ queue: 'email', sent: 0, failed: 19 }] }, ''],
    ['no share below the limit', { outcomes: [{ queue: 'email', sent: 71, failed: 29 }] }, ''],
    [
      'an outage that all workers of a kind meet, once',
      { workers: [...well.workers.slice(1), out(1), out(2)] },
      'critical outage email',
    ],
    ['no outage that others do not meet', { workers: [...well.workers, out(1)] }, ''],
    [
      'an outage of a channel',
      { closedChannels: [{ channel: 'telegram', reason: '401' }] },
      'critical outage telegram',
    ],
    ['a worker that is missing', { workers: well.workers.slice(1) }, 'critical no-worker-alive email'],
    [
      'all of them',
      { workers: [] },
      'critical no-worker-alive email, critical no-worker-alive notifications, critical no-worker-alive lifecycle',
    ],
    [
      'workers that are blocked',
      { workers: well.workers.map((one) => ({ ...one, blocked: 'another' })) },
      'critical wrong-database ',
    ],
    ['a sweep that is overdue', { sweep: { doneAt: ago(40), lastOutcome: 'blocked' } }, 'warning sweep-overdue '],
    ['no sweep where none is scheduled', { sweep: null }, ''],
    [
      'a database that grows fast',
      {
        samples: samples('database bytes', [
          [1400, 20 * gib],
          [700, 19 * gib],
          [1, 25 * gib],
        ]),
      },
      'warning disk-growth database',
    ],
    [
      'no growth of a small database',
      {
        samples: samples('database bytes', [
          [1400, 1 * gib],
          [1, 5 * gib],
        ]),
      },
      '',
    ],
    [
      'no growth of more than a day ago',
      {
        samples: samples('database bytes', [
          [1450, 1 * gib],
          [1, 25 * gib],
        ]),
      },
      '',
    ],
    ['a disk that is almost full', { samples: samples('host a.b disk', [[1, 0.9]]) }, 'warning disk-growth a.b'],
    [
      'a disk that is full',
      {
        samples: samples('host a disk', [
          [2, 0.1],
          [1, 0.96],
        ]),
      },
      'critical disk-growth a',
    ],
    ['a host out of memory', { samples: samples('host a memory', [[1, 0.93]]) }, 'warning host-load a memory'],
    ['no host that is not heard of', { samples: samples('host a disk', [[4, 1]]) }, ''],
  ])('%s', (_, facts, expected) => {
    const found = findAll({ ...well, ...facts }, limits)
    expect(found.map(({ severity, kind, subject }) => `${severity} ${kind} ${subject}`).join(', ')).toBe(expected)
  })
})
