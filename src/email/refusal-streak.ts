/** A row that failed by a refusal which may turn out to be about us. */
export interface RefusedRow {
  readonly id: number
  readonly token: string
}

/** So many recipient domains in a row refusing us in the same way is about us. */
const domainsForOutage = 5

/**
 * Watches for one and the same refusal by policy (5.7.x) from many domains with nothing accepted in between: a block list or a broken
 * signature, not the recipients' choice.
 */
export class RefusalStreak {
  #key: string | undefined
  readonly #domains = new Set<string>()
  #rows: RefusedRow[] = []

  /** Something was accepted, or refused for another reason. */
  end(): void {
    this.#key = undefined
    this.#domains.clear()
    this.#rows = []
  }

  /**
   * Notes a refusal. Answers the rows that failed so far in a streak that has become an outage, to be taken back; they are told once.
   * `undefined` while it is no outage.
   */
  add({
    key,
    domains,
    row,
  }: {
    key: string
    domains: readonly string[]
    row: RefusedRow
  }): readonly RefusedRow[] | undefined {
    if (this.#key !== key) this.end()
    this.#key = key
    for (const domain of domains) this.#domains.add(domain)
    if (this.#domains.size < domainsForOutage) {
      this.#rows.push(row)
      return undefined
    }
    const before = this.#rows
    this.#rows = []
    return before
  }
}
