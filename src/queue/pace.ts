const windowMs = 30

/** How fast rows are finished, by the last moments in which any were. */
export class Pace {
  #since = performance.now()
  #count = 0
  #perMs = 0

  finished(): void {
    this.#count += 1
  }

  /** How many rows are finished in so many milliseconds, at the pace of the last moments. */
  rowsIn(ms: number): number {
    const now = performance.now()
    if (now - this.#since >= windowMs) {
      this.#perMs = this.#count / (now - this.#since)
      this.#since = now
      this.#count = 0
    }
    return this.#perMs * ms
  }
}
