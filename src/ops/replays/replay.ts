import type { MailFilter } from '../mail-filter.ts'

/** The states of a replay, in `fleet.replays`. */
export type ReplayState =
  /** The first few are put back, and what comes of them is waited for. */
  | 'canary'
  /** It is being put back. */
  | 'running'
  /** All of it has been put back. Its mail may be on its way for long. */
  | 'done'
  /** Too few of the first were delivered: the rest stays as it was. */
  | 'canary_failed'
  /** What waits is being taken back. */
  | 'stopping'
  | 'stopped'

/** How mail is to be put back. */
export interface ReplayOptions {
  /** Only so many, the most urgent and oldest first. */
  readonly limit?: number | undefined
  /** So many become due in a second at most; all at once unless given. */
  readonly perSecond?: number | undefined
  /** So many go first, and the rest only when they were delivered. */
  readonly canary?: number | undefined
  /** The priority that the mails are given. */
  readonly priority?: number | undefined
  /** Later than this they are not sent. */
  readonly notAfter?: Date | undefined
  /** Attempts go on counting, rather than start afresh. */
  readonly keepsAttempts: boolean
  /** Also what was sent, or may have been. Whoever has it gets it again. */
  readonly includesSent: boolean
}

export interface ReplayRequest extends ReplayOptions {
  readonly filter: MailFilter
  readonly reason?: string | undefined
  readonly actor: string
  /** Of the command: the same command has the same. */
  readonly fingerprint: string
}

/** A replay, as `fleet.replays` holds it. */
export interface Replay {
  readonly id: number
  readonly state: ReplayState
  readonly actor: string
  readonly reason: string | null
  readonly filter: unknown
  /** How many mails it means. */
  readonly size: number
  readonly ambiguous: number
  /** How many go first; 0 where all go at once. */
  readonly canary: number
  /** How many of those had been delivered when the rest was decided on; null before. */
  readonly delivered: number | null
  readonly undelivered: number | null
  readonly perSecond: number | null
  readonly priority: number | null
  readonly notAfter: Date | null
  readonly keepsAttempts: boolean
  readonly includesSent: boolean
  readonly createdAt: Date
  readonly endedAt: Date | null
  readonly stoppedBy: string | null
}
