/** What one run of the benchmark has found; `results/latest.json` holds it. Times are milliseconds unless said. */
export interface Results {
  readonly machine: Machine
  /** Of PostgreSQL, read from the server. */
  readonly postgres: Readonly<Record<string, string>>
  readonly measured: Measured
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  /** Of what is compared. */
  readonly packages: Readonly<Record<string, string>>
  /** Of the project, short. */
  readonly commit: string
  /** ISO 8601, when the run began. */
  readonly date: string
}

/** Each measurement by its name; those that were not asked for are missing. */
export interface Measured {
  readonly throughput?: Throughput
  readonly slow?: SlowServer
  readonly latency?: Latency
  readonly urgent?: Urgent
  readonly cost?: DatabaseCost
  readonly memory?: Memory
  readonly start?: Start
}

export interface Throughput {
  readonly mails: number
  readonly connections: number
  readonly contestants: readonly Competed[]
}

export interface Competed {
  readonly key: string
  readonly name: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** Mails in a second, run by run. */
  readonly perSecond: readonly number[]
}

export interface SlowServer {
  readonly stepMs: number
  /** Of each process. */
  readonly connections: number
  readonly fleets: readonly SlowRuns[]
}

export interface SlowRuns {
  readonly processes: number
  readonly mails: number
  readonly perSecond: readonly number[]
  /** For how long the server held a connection for a mail. */
  readonly msPerMail: readonly number[]
}

export interface Spread {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Latency {
  readonly samples: number
  readonly accepted: Spread
  /** A plain INSERT, committed. */
  readonly commit: Spread
}

export interface Urgent {
  readonly samples: number
  readonly waiting: number
  readonly accepted: Spread
}

export interface DatabaseCost {
  readonly mails: number
  readonly conditions: readonly Condition[]
}

export interface Condition {
  readonly key: 'little' | 'much' | 'snapshot'
  readonly history: number
  readonly cpuMicros: readonly number[]
  readonly walBytes: readonly number[]
  readonly buffers: readonly number[]
}

export interface Memory {
  /** MiB resident: of the worker after so many mails, and of a process that has only loaded the same modules. */
  readonly early: Resident
  readonly late: Resident
  readonly imports: number
}

export interface Resident {
  readonly mails: number
  readonly mib: number
}

export interface Start {
  /** From the spawn to the word that it is ready, start by start. */
  readonly readyMs: readonly number[]
}
