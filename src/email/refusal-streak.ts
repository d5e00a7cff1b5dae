/** A row that failed by a refusal which may turn out to be about us. */
export interface RefusedRow {
  readonly id: number
  readonly token: string
}

/** So many recipient domains in a row refusing us in the same way is about us. */
const domainsForOutage = 5
/** One domain may go on refusing for days. */
const mostRows = 10_000

/**
 * Watches for one and the same refusal from many domains with nothing accepted in between: a block list or a broken signature, not
 * the recipients' choice.
 */
export class RefusalStreak {
  #reply: string | undefined
  readonly #domains = new Set<string>()
  #rows: RefusedRow[] = []

  /** Rows that failed before the streak was long enough. */
  get rows(): readonly RefusedRow[] {
    return this.#rows
  }

  /** Something was accepted, or refused for another reason. */
  end(): void {
    this.#reply = undefined
    this.#domains.clear()
    this.#rows = []
  }

  /** Notes a refusal with this reply; true when the streak is long enough to be about us. */
  isAboutUs({ reply, domains, row }: { reply: string; domains: readonly string[]; row: RefusedRow }): boolean {
    if (this.#reply !== reply) this.end()
    this.#reply = reply
    for (const domain of domains) this.#domains.add(domain)
    if (this.#domains.size >= domainsForOutage) return true
    this.#rows.push(row)
    if (this.#rows.length > mostRows) this.#rows.shift()
    return false
  }

  /** These rows have been put back. */
  putBack(rows: readonly RefusedRow[]): void {
    this.#rows = this.#rows.filter((row) => !rows.includes(row))
  }
}
