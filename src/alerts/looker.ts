import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { type Database, isUnreachable } from '../db/pool.ts'
import type { Alert } from './alert.ts'
import { assess } from './assess.ts'
import { readHostUsage } from './host.ts'
import { type LookOptions, look } from './look.ts'
import { recordHost } from './sample-store.ts'
import { tellAll } from './tell-all.ts'
import { createTellers } from './tellers.ts'

export interface LookOrder {
  readonly database: Pick<Database, 'db'>
  readonly config: Config
  /** Names who looks to others. */
  readonly owner: string
  /** Another look, by whomever, is at least so long ago. */
  readonly leastSeconds: number
  readonly signal: AbortSignal
  readonly log: Logger
}

/** A look as it is configured. */
export function lookOptions(options: LookOrder): LookOptions {
  const { database, config, owner, leastSeconds, signal, log } = options
  const { alerts, defaultLocale, defaultTimeZone, environment } = config
  return {
    ...{ database, looker: owner, limits: alerts, tellers: createTellers(config, signal), leastSeconds, log },
    settings: { clock: { locale: defaultLocale, timezone: defaultTimeZone }, environment },
  }
}

export interface LookerOptions extends LookOrder {
  readonly database: Database
  readonly tellsOfDatabase: boolean
}

/** Longer than a look has its lease. */
const longestLookMs = 120_000

/** What a worker does about alerts, each time it is its turn. */
export function createLooker(options: LookerOptions): () => Promise<void> {
  const { database, tellsOfDatabase } = options
  const looking = lookOptions(options)
  const outage = new DatabaseOutage(looking)
  return async () => {
    try {
      await recordHost(database, hostname(), await readHostUsage())
      await withinPatience(look(looking))
    } catch (error) {
      if (tellsOfDatabase && isUnreachable(error)) await outage.met(error)
      throw error
    }
    await outage.passed()
  }
}

/** Over a connection that has fallen silent an answer may be hours away. */
async function withinPatience(looking: Promise<unknown>): Promise<void> {
  const { promise: tired, reject } = Promise.withResolvers<never>()
  const error = Object.assign(new Error('the database does not answer'), { code: 'ETIMEDOUT' })
  const timer = setTimeout(() => reject(error), longestLookMs)
  await Promise.race([looking, tired]).finally(() => clearTimeout(timer))
}

/** While the database is out of reach nothing can be written down there: what was told is known to this process alone. */
class DatabaseOutage {
  readonly #options: LookOptions
  #known: readonly Alert[] = []

  constructor(options: LookOptions) {
    this.#options = options
  }

  async met(error: unknown): Promise<void> {
    await this.#look(reasonOf(error))
  }

  async passed(): Promise<void> {
    if (this.#known.length > 0) await this.#look(undefined)
  }

  async #look(reason: string | undefined): Promise<void> {
    const { tellers, settings, log } = this.#options
    const now = new Date()
    const finding = { kind: 'database-unreachable', subject: '', severity: 'critical' } as const
    const findings = reason === undefined ? [] : [{ ...finding, detail: { reason } }]
    const { alerts } = assess({ findings, known: this.#known, now })
    const past = this.#known.filter(({ overAt }) => overAt !== null)
    const all = await tellAll({ alerts: [...alerts, ...past], tellers, settings, now, onTold: async () => {}, log })
    this.#known = all.filter((alert) => tellers.some(({ channel }) => alert.told[channel]?.over !== true))
  }
}

/** Where a name has several addresses, each attempt has an error of its own, and the whole has no message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ')
  return error instanceof Error ? error.message : String(error)
}
