import type { Alert, AlertChannel, AlertKind, Finding, Severity, Told } from './alert.ts'

/** How soon the administrator is told again while it lasts. */
export const cooldownMs: Readonly<Record<Severity, number>> = {
  critical: 5 * 60_000,
  warning: 15 * 60_000,
  info: 60 * 60_000,
}

/** So long it must be found at every look to be told, so that a restart or a moment's load is no incident. */
export const holdMs: Readonly<Record<AlertKind, number>> = {
  'backlog-too-old': 30_000,
  'failure-share-too-high': 60_000,
  outage: 60_000,
  'no-worker-alive': 90_000,
  'sweep-overdue': 30_000,
  'queue-growth': 30_000,
  'disk-growth': 5 * 60_000,
  'wrong-database': 30_000,
  'host-load': 10 * 60_000,
  'database-unreachable': 90_000,
}

/** So long it must not be found at any look to be over. */
export const clearMs = 60_000

/** What a channel could not be told for so long after the end it is not told any more. */
const staleMs = 24 * 3_600_000

export interface Assessment {
  /** All that last, and those that ended at this look. */
  readonly alerts: readonly Alert[]
  /** Recorded ones that did not last long enough to be an incident. */
  readonly forgotten: readonly Alert[]
}

export interface Look {
  readonly findings: readonly Finding[]
  /** Those that last, and those that have been over for a day at most. */
  readonly known: readonly Alert[]
  readonly now: Date
}

/** What has begun, lasts and is over, from what is found now and what was known. */
export function assess({ findings, known, now }: Look): Assessment {
  const open = known.filter(({ overAt }) => overAt === null)
  const found = findings.map((finding) => {
    const alert = open.find((one) => isSame(one, finding)) ?? notice(finding, known, now)
    return lasting({ ...alert, ...finding, clearSince: null }, now)
  })
  const gone = open.filter((alert) => !findings.some((finding) => isSame(finding, alert)))
  return {
    alerts: [...found, ...gone.filter(({ beganAt }) => beganAt !== null).map((alert) => clearing(alert, now))],
    forgotten: gone.filter(({ beganAt }) => beganAt === null),
  }
}

export type Message = 'begins' | 'lasts' | 'over'

/**
 * What the channel is to be told of the incident now. While one incident follows another, or lasts, a channel takes no more than one
 * message in a cooldown, and one more when what it was told of is over.
 */
export function messageDue(alert: Alert, channel: AlertChannel, now: Date): Message | undefined {
  const { beganAt, overAt, severity, told } = alert
  const { times = 0, over = false, at } = told[channel] ?? {}
  if (beganAt === null || over) return undefined
  const cools = (time: Date) => at !== undefined && time.getTime() - at.getTime() < cooldownMs[severity]
  if (overAt === null) return cools(now) ? undefined : times === 0 ? 'begins' : 'lasts'
  const isStale = now.getTime() - overAt.getTime() > staleMs
  // What came and went in the shadow of the one before is not worth a message.
  return isStale || (times === 0 && cools(overAt)) ? undefined : 'over'
}

/** The alert once the channel has taken the message. */
export function afterTelling(alert: Alert, { channel, message, now }: Telling): Alert {
  const times = alert.told[channel]?.times ?? 0
  const told: Told = { at: now, times: message === 'over' ? times : times + 1, over: message === 'over' }
  return { ...alert, told: { ...alert.told, [channel]: told } }
}

export interface Telling {
  readonly channel: AlertChannel
  readonly message: Message
  readonly now: Date
}

function isSame(a: Finding, b: Finding): boolean {
  return a.kind === b.kind && a.subject === b.subject
}

/** It goes on where the last incident of the kind has left off, as far as the patience of whoever is told is concerned. */
function notice(finding: Finding, known: readonly Alert[], now: Date): Alert {
  const before = known
    .filter((alert) => alert.overAt !== null && isSame(alert, finding))
    .sort((a, b) => (b.overAt?.getTime() ?? 0) - (a.overAt?.getTime() ?? 0))[0]
  const told = Object.entries(before?.told ?? {}).map(([channel, { at }]) => [channel, { at, times: 0, over: false }])
  return {
    ...{ ...finding, id: undefined, noticedAt: now, beganAt: null, clearSince: null, overAt: null },
    told: Object.fromEntries(told),
  }
}

function lasting(alert: Alert, now: Date): Alert {
  const holds = now.getTime() - alert.noticedAt.getTime() >= holdMs[alert.kind]
  return { ...alert, beganAt: alert.beganAt ?? (holds ? now : null) }
}

function clearing(alert: Alert, now: Date): Alert {
  const clearSince = alert.clearSince ?? now
  return { ...alert, clearSince, overAt: now.getTime() - clearSince.getTime() >= clearMs ? now : null }
}
