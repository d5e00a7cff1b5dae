/** Rows remembered; the one longest without trouble is forgotten first. */
const most = 1_000
/** So often refused as the only one, between two mails that passed, a row is refused for its own sake. */
const aloneForBlame = 2

/**
 * Remembers which rows a server refused at MAIL FROM, to find the one that is refused for its own sake while all others pass: rate
 * limits and suspended accounts refuse many, or everybody.
 */
export class MailRefusals {
  readonly #rows = new Map<number, { readonly refusals: number; readonly alone: number }>()
  readonly #sincePass = new Set<number>()

  /** A row was refused; answers how often by now. */
  refused(id: number): number {
    const { refusals, alone } = this.#rows.get(id) ?? { refusals: 0, alone: 0 }
    this.#rows.delete(id)
    this.#rows.set(id, { refusals: refusals + 1, alone })
    this.#sincePass.add(id)
    const [oldest] = this.#rows.keys()
    if (oldest !== undefined && this.#rows.size > most) this.#rows.delete(oldest)
    return refusals + 1
  }

  /** Some mail got through. */
  passed(): void {
    const [only] = this.#sincePass
    const row = only === undefined || this.#sincePass.size > 1 ? undefined : this.#rows.get(only)
    if (only !== undefined && row) this.#rows.set(only, { ...row, alone: row.alone + 1 })
    this.#sincePass.clear()
  }

  isToBlame(id: number): boolean {
    return (this.#rows.get(id)?.alone ?? 0) >= aloneForBlame
  }

  forget(id: number): void {
    this.#rows.delete(id)
  }
}
