import { setTimeout as delay } from 'node:timers/promises'
import { type Exit, type SpawnedWorker, spawnLastingWorker } from '../support/processes.ts'
import type { Mutation } from './mutations.ts'
import { type FaultPointOrder, ordersEnv } from './orders.ts'

export interface CrewOptions {
  readonly directory: string
  /** Of the worker. */
  readonly script: string
  readonly env: Readonly<Record<string, string>>
  /** For the first workers; those that replace them get none. */
  readonly orders: readonly FaultPointOrder[]
  /** For all. */
  readonly mutation: Mutation | undefined
}

/** An end that nobody asked for. */
export interface Departure {
  readonly pid: number
  readonly exit: Exit
  readonly stderr: string
  readonly lastWords: string
}

export interface Frozen {
  readonly pid: number
  thaw(): void
}

interface Member extends SpawnedWorker {
  readonly order: FaultPointOrder | undefined
}

const size = 2
/** A worker that cannot even start would be replaced for ever. */
const mostDepartures = 5
const preload = new URL('preload.ts', import.meta.url).href

/** Two worker processes; one that ends is replaced at once, as PM2 does. */
export class Crew {
  readonly #options: CrewOptions
  readonly #members: Member[]
  /** Those that were killed, or asked to stop, from here. */
  readonly #dismissed = new Set<Member>()
  readonly #watched: Promise<void>[] = []
  #stopping = false
  /** Processes that lost what they had in hand: killed, or stopped past their lease. */
  bereft = 0
  readonly departures: Departure[] = []
  /** Log lines that speak of a bug. */
  readonly bugs: string[] = []
  /** The fault points at which processes killed themselves. */
  readonly reached: string[] = []

  constructor(options: CrewOptions) {
    this.#options = options
    this.#members = Array.from({ length: size }, (_, slot) => this.#hire(slot, options.orders[slot]))
  }

  kill(slot: number): void {
    const member = this.#member(slot)
    this.#dismissed.add(member)
    member.signal('SIGKILL')
  }

  /** Stops a process, to go on when it is thawed. */
  freeze(slot: number): Frozen {
    const member = this.#member(slot)
    this.bereft += 1
    member.signal('SIGSTOP')
    return { pid: member.pid, thaw: () => member.signal('SIGCONT') }
  }

  /** Waits until the workers with orders have died of them; one that has not in time is asked to stop, which leads past other points. */
  async spendArmed({ withinMs }: { readonly withinMs: number }): Promise<void> {
    const armed = this.#members.filter(({ order }) => order !== undefined)
    await Promise.all(
      armed.map(async (member) => {
        await Promise.race([member.exit, delay(withinMs, undefined, { ref: false })])
        this.#dismissed.add(member)
        await member.stop('SIGTERM')
      }),
    )
    await this.ready()
  }

  /** Resolves when each is ready, replacements included. */
  async ready(): Promise<void> {
    while (this.departures.length < mostDepartures && this.#members.some(({ isReady }) => !isReady)) {
      await Promise.allSettled(this.#members.map((member) => member.ready()))
    }
  }

  /** Ends all workers in good order. */
  async stop(): Promise<void> {
    await this.ready()
    this.#stopping = true
    for (const member of this.#members) member.signal('SIGTERM')
    await Promise.all(this.#watched)
  }

  /** Kills whoever is still there, as when a round cannot be brought to its end. */
  abandon(): void {
    this.#stopping = true
    for (const member of this.#members) member.signal('SIGKILL')
  }

  #member(slot: number): Member {
    const member = this.#members[slot]
    if (!member) throw new Error(`No worker ${slot}`)
    return member
  }

  #hire(slot: number, order: FaultPointOrder | undefined): Member {
    const { directory, script, env, mutation } = this.#options
    const changed = order !== undefined || mutation !== undefined
    const worker = spawnLastingWorker({
      directory,
      script,
      nodeOptions: changed ? ['--import', preload] : [],
      env: changed ? { ...env, ...ordersEnv({ point: order, mutation }) } : env,
    })
    const member = Object.assign(worker, { order })
    this.#watched.push(this.#watch(member, slot))
    return member
  }

  async #watch(member: Member, slot: number): Promise<void> {
    const exit = await member.exit
    this.#judge(member, exit, await member.stderr)
    if (!this.#stopping && this.departures.length < mostDepartures) this.#members[slot] = this.#hire(slot, undefined)
  }

  #judge(member: Member, exit: Exit, stderr: string): void {
    const { logs, order, pid } = member
    this.bugs.push(...logs.filter(({ msg }) => msg.startsWith('a bug')).map((line) => JSON.stringify(line)))
    const dismissed = this.#dismissed.has(member)
    if (exit.signal === 'SIGKILL' && (dismissed || order)) {
      this.bereft += 1
      if (order) this.reached.push(order.name)
    } else if (exit.code !== 0 || !(dismissed || this.#stopping)) {
      this.departures.push({ pid, exit, stderr, lastWords: JSON.stringify(logs.slice(-3)) })
    }
  }
}
