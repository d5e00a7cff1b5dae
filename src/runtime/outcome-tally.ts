/** How often something came of attempts in a queue. */
export interface OutcomeCount {
  readonly queue: string
  readonly outcome: string
  /** Empty where there is none. */
  readonly errorClass: string
  readonly count: number
}

/** Counts that are not written down yet. What cannot be written is kept for the next time. */
export class OutcomeTally {
  #counts = new Map<string, OutcomeCount>()

  add({ count, ...counted }: OutcomeCount): void {
    const key = Object.values(counted).join(' ')
    const known = this.#counts.get(key)?.count ?? 0
    this.#counts.set(key, { ...counted, count: known + count })
  }

  async flush(write: (counts: readonly OutcomeCount[]) => Promise<void>): Promise<void> {
    const counts = [...this.#counts.values()]
    this.#counts = new Map()
    try {
      await write(counts)
    } catch (err) {
      for (const count of counts) this.add(count)
      throw err
    }
  }
}
