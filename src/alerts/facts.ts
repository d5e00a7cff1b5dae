/** What of the fleet is looked at for alerts, as its database has it. */
export interface Facts {
  /** The database's clock. */
  readonly now: Date
  /** Those in which anything is due. */
  readonly queues: readonly QueueFacts[]
  /** Of the last 15 minutes. */
  readonly outcomes: readonly { readonly queue: string; readonly sent: number; readonly failed: number }[]
  /** Those that are alive. */
  readonly workers: readonly WorkerFacts[]
  /** Channels that a service has turned away again and again. */
  readonly closedChannels: readonly { readonly channel: string; readonly reason: string | null }[]
  /** Null where nobody has scheduled one. */
  readonly sweep: SweepFacts | null
  readonly samples: readonly Sample[]
}

export interface QueueFacts {
  /** `email`, `notifications` (those that become mails), `telegram`, `sms`, `system`. */
  readonly queue: string
  readonly due: number
  /** Due for five minutes or more. */
  readonly late: number
  readonly oldestDueAt: Date
  /** It waits for the end of a pause. */
  readonly isPaused: boolean
}

export interface WorkerFacts {
  readonly owner: string
  readonly name: string
  readonly outage: { readonly since: Date; readonly reason: string } | null
  readonly blocked: string | null
}

export interface SweepFacts {
  /** When the last that was done began, or the schedule, where there was none. */
  readonly doneAt: Date
  /** How the last one ended that is written down. */
  readonly lastOutcome: string | null
}

export interface Sample {
  /** `due email`, `database bytes`, `host NAME disk`. */
  readonly subject: string
  readonly takenAt: Date
  readonly value: number
}

export const workerNames = ['email', 'notifications', 'lifecycle'] as const
