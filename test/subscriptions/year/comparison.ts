import { expectedFacts, factsSince } from './facts.ts'
import type { Ledger } from './model/ledger.ts'
import type { YearDatabase } from './year-database.ts'

interface Found {
  readonly through: string
  readonly notices: readonly FoundNotice[] | null
  readonly messages: readonly FoundMessage[] | null
  readonly rows: readonly { readonly key: string; readonly facts: unknown }[] | null
}

interface FoundNotice {
  readonly id: number
  readonly key: string
  readonly facts: unknown
}

interface FoundMessage {
  readonly id: number
  readonly notice: string
  readonly type: string
  readonly facts: unknown
}

export interface Difference {
  /** Of a row, a notice or a message; it begins with the table and the number of what it is about. */
  readonly key: string
  readonly expected: string | undefined
  readonly found: string | undefined
}

/** Compares what has changed on either side since it did so last. */
export class Comparison {
  readonly #database: YearDatabase
  readonly #ledger: Ledger
  readonly #found = new Map<string, string>()
  readonly #noticeKeys = new Map<number, string>()
  readonly #messageKeys = new Map<number, string>()
  readonly #counts = new Map<string, number>()
  #from = '0'

  constructor(database: YearDatabase, ledger: Ledger) {
    this.#database = database
    this.#ledger = ledger
  }

  async differences(): Promise<Difference[]> {
    const keys = new Set([...this.#ledger.touched, ...(await this.#read())])
    this.#ledger.touched.clear()
    return [...keys].flatMap((key) => {
      const [expected, found] = [expectedFacts(this.#ledger, key), this.#found.get(key)]
      return expected === found || this.#ledger.removed.has(key) ? [] : [{ key, expected, found }]
    })
  }

  /** All that has been found, by key: the same for two years that went alike. */
  get found(): ReadonlyMap<string, string> {
    return this.#found
  }

  get counts(): { readonly notices: number; readonly messages: number } {
    return { notices: this.#noticeKeys.size, messages: this.#messageKeys.size }
  }

  async #read(): Promise<string[]> {
    const [changed] = await this.#database.query<Found>(factsSince, [this.#from])
    if (!changed) return []
    this.#from = changed.through
    for (const { id, key } of changed.notices ?? []) this.#noticeKeys.set(id, key)
    const messages = (changed.messages ?? []).map((message) => ({ ...message, key: this.#keyOf(message) }))
    const all = [...(changed.notices ?? []), ...messages, ...(changed.rows ?? [])]
    for (const { key, facts } of all) this.#found.set(key, JSON.stringify(facts))
    return all.map(({ key }) => key)
  }

  /** A notice that was withdrawn and given again has a second message for each channel. */
  #keyOf({ id, notice, type }: FoundMessage): string {
    const known = this.#messageKeys.get(id)
    if (known) return known
    const name = `${this.#noticeKeys.get(Number(notice.replace('lifecycle:', ''))) ?? notice} ${type}`
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    this.#messageKeys.set(id, `${name} #${count}`)
    return `${name} #${count}`
  }
}
