/** What was done to rows of a table, or would be. */
export interface ForgottenRows {
  /** Of the database, with its schema. */
  readonly table: string
  /**
   * - `erased`: what a message said is gone.
   * - `cancelled`: that, too; it was waiting to be sent.
   * - `taken_out`: the address is no longer among the recipients of a message that waits.
   * - `masked`: the address is taken out of what else the row says.
   */
  readonly what: 'erased' | 'cancelled' | 'taken_out' | 'masked'
  readonly rows: number
}

/** Rows that hold the address still. */
export interface LeftRows {
  readonly table: string
  /** `waits`: a message to others; `being_sent`: a worker has it; `locked`: another session was writing to it. */
  readonly reason: 'waits' | 'being_sent' | 'locked'
  readonly rows: number
  /** The first 20. */
  readonly ids: readonly number[]
}

/** Rows of a table that is the platform's: it has to erase them. */
export interface PlatformRows {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: number
  /** The first 20; none where the table has no number to go by. */
  readonly ids: readonly number[]
}

export interface ForgetReport {
  /** Of the address: `sha256:…`. */
  readonly address: string
  readonly done: readonly ForgottenRows[]
  readonly left: readonly LeftRows[]
  readonly platform: readonly PlatformRows[]
  /** Tables of the platform that the user of the database may not read. */
  readonly unread: readonly string[]
}

const namedIds = 20

/** Adds up what was found, part by part of a table. */
export class ForgetTally {
  readonly #done = new Map<string, ForgottenRows>()
  readonly #left = new Map<string, LeftRows>()
  readonly #platform = new Map<string, PlatformRows>()

  addDone({ table, what, rows }: ForgottenRows): void {
    if (rows === 0) return
    const key = `${table} ${what}`
    this.#done.set(key, { table, what, rows: (this.#done.get(key)?.rows ?? 0) + rows })
  }

  addLeft({ table, reason, rows, ids }: LeftRows): void {
    if (rows === 0) return
    const key = `${table} ${reason}`
    const before = this.#left.get(key)
    this.#left.set(key, { table, reason, ...sumOf(before, { rows, ids }) })
  }

  addPlatform({ table, columns, rows, ids }: PlatformRows): void {
    if (rows === 0) return
    const before = this.#platform.get(table)
    const both = new Set([...(before?.columns ?? []), ...columns])
    this.#platform.set(table, { table, columns: [...both], ...sumOf(before, { rows, ids }) })
  }

  add(other: ForgetTally): void {
    for (const done of other.#done.values()) this.addDone(done)
    for (const left of other.#left.values()) this.addLeft(left)
    for (const found of other.#platform.values()) this.addPlatform(found)
  }

  /** What was found last is what is left; what was done is added up over all passes. */
  startPass(): void {
    this.#left.clear()
    this.#platform.clear()
  }

  get doneRows(): number {
    return [...this.#done.values()].reduce((sum, { rows }) => sum + rows, 0)
  }

  report(address: string, unread: readonly string[]): ForgetReport {
    const [done, left, platform] = [[...this.#done.values()], [...this.#left.values()], [...this.#platform.values()]]
    return { address, done, left, platform, unread }
  }
}

type Found = Pick<LeftRows, 'rows' | 'ids'>

function sumOf(before: Found | undefined, { rows, ids }: Found): Found {
  return { rows: (before?.rows ?? 0) + rows, ids: [...(before?.ids ?? []), ...ids].slice(0, namedIds) }
}
