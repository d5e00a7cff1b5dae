export const alertKinds = [
  'backlog-too-old',
  'failure-share-too-high',
  'outage',
  'no-worker-alive',
  'sweep-overdue',
  'queue-growth',
  'disk-growth',
  'wrong-database',
  'host-load',
  'database-unreachable',
] as const

/** What is wrong. Each has its page in `docs/runbooks`. */
export type AlertKind = (typeof alertKinds)[number]

export type Severity = 'critical' | 'warning' | 'info'

export const alertChannels = ['email', 'telegram'] as const

/** The ways to the administrator; neither goes through a queue. */
export type AlertChannel = (typeof alertChannels)[number]

/** How bad it is, for the text. */
export type Detail = Readonly<Record<string, string | number | null>>

/** Something that is wrong at this moment. */
export interface Finding {
  readonly kind: AlertKind
  /** Of what: a queue, a kind of worker, a host; empty where there is but one. */
  readonly subject: string
  readonly severity: Severity
  readonly detail: Detail
}

/** What a channel has taken about an incident. */
export interface Told {
  /** When it last took a message about this kind and subject. */
  readonly at: Date
  /** Messages about this incident, but the one that it is over. */
  readonly times: number
  readonly over: boolean
}

/** An incident, or, before `beganAt`, what may become one. */
export interface Alert extends Finding {
  /** As recorded; undefined before that. */
  readonly id: string | undefined
  readonly noticedAt: Date
  /** When it had lasted long enough to be told. */
  readonly beganAt: Date | null
  /** Since when it is not found any more. */
  readonly clearSince: Date | null
  /** When that had lasted long enough. */
  readonly overAt: Date | null
  readonly told: Readonly<Partial<Record<AlertChannel, Told>>>
}
