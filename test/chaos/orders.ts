import type { Mutation } from './mutations.ts'

/** Where a process kills itself. */
export interface FaultPointOrder {
  /** The fault point. */
  readonly name: string
  /** At which passage. */
  readonly passage: number
  /** At any passage once the process is so old: some points are seldom passed. */
  readonly anyAfterMs: number
  /** So long after the passage: 0 before the awaited thing begins, more while it is under way. */
  readonly delayMs: number
}

/** What a worker's preload is told to do. */
export interface Orders {
  readonly point?: FaultPointOrder | undefined
  /** The mutation to run with. */
  readonly mutation?: Mutation | undefined
}

const variable = 'CHAOS_ORDERS'

export function ordersEnv(orders: Orders): Record<string, string> {
  return { [variable]: JSON.stringify(orders) }
}

export function readOrders(env: Readonly<Record<string, string | undefined>>): Orders {
  return JSON.parse(env[variable] ?? '{}')
}
