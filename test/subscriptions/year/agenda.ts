interface Entry<Item> {
  readonly at: number
  readonly item: Item
}

/** What is to happen, in the order of its time; at the same time in the order in which it was entered. */
export class Agenda<Item> {
  /** The last comes first. */
  readonly #entries: Entry<Item>[] = []

  enter(at: number, item: Item): void {
    let [low, high] = [0, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.at ?? 0) > at) low = middle + 1
      else high = middle
    }
    this.#entries.splice(low, 0, { at, item })
  }

  next(): Entry<Item> | undefined {
    return this.#entries.pop()
  }
}
