/** Something that is not as the migrations make it. */
export interface Difference {
  /** `column public.projects.name` */
  readonly object: string
  readonly wanted: string
  readonly found: string
  /** Statements that mend it, to be run one by one in this order. `fleet …` is a command, `-- …` advice where no statement does. */
  readonly remedy: readonly string[]
}

/** Something that others have added, which the fleet neither needs nor minds. */
export interface Extra {
  readonly object: string
  /** What it costs; null where it costs nothing. */
  readonly note: string | null
}

export type Finding = Difference | Extra

export const nothing = 'nothing'

export interface Pair<T> {
  readonly wanted: T
  readonly live: T
}

interface Pairs<T> {
  readonly missing: readonly T[]
  readonly extra: readonly T[]
  readonly both: readonly Pair<T>[]
}

/** Pairs of what is wanted and what is there, by `key`. */
export function pair<T>(wanted: readonly T[], live: readonly T[], key: (item: T) => string): Pairs<T> {
  const there = new Map(live.map((item) => [key(item), item]))
  const asked = new Set(wanted.map(key))
  return {
    missing: wanted.filter((item) => !there.has(key(item))),
    extra: live.filter((item) => !asked.has(key(item))),
    both: wanted.flatMap((item) => {
      const other = there.get(key(item))
      return other === undefined ? [] : [{ wanted: item, live: other }]
    }),
  }
}
