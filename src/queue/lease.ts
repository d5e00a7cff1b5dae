import type { Claim } from './leased-table.ts'

/** A claimed row and how long it may be worked on. */
export interface Lease<Row extends Claim> {
  readonly row: Row
  /** True once the lease has run out or passed to another: what has not been handed over must not be any more. */
  lost(): boolean
}

/** A row that is being worked on. */
export interface Work<Row extends Claim> extends Lease<Row> {
  /** To be asked right before the row is handed over; only after a yes, and at once, may it be. */
  handOver(): Promise<boolean>
}

/** A row in hand. */
export class Held<Row extends Claim> implements Work<Row> {
  readonly row: Row
  /** By the monotonic clock. */
  expiresAt: number
  /** By the same clock. */
  readonly claimedAt = performance.now()
  /** Not started by then: the lanes are stuck, and another worker may have one that is free. */
  wasRenewed = false
  /** The answer to the question whether it may be handed over. */
  asked: Promise<boolean> | undefined
  readonly #ask: (lease: Lease<Row>) => Promise<boolean>

  constructor(row: Row, expiresAt: number, ask: (lease: Lease<Row>) => Promise<boolean>) {
    this.row = row
    this.expiresAt = expiresAt
    this.#ask = ask
  }

  lost(): boolean {
    return performance.now() > this.expiresAt
  }

  handOver(): Promise<boolean> {
    this.asked = this.#ask(this)
    return this.asked
  }
}
