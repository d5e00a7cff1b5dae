/** A part of the page: what was measured, what came of it, and how that compares with what was aimed at. */
export interface Section {
  readonly title: string
  /** What exactly the figures are, in Markdown. */
  readonly explains: string
  readonly table: Table
  readonly targets: readonly Target[]
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Target {
  readonly what: string
  readonly wanted: string
  readonly got: string
  readonly reached: boolean
  /** How far it is off, in per cent of what is wanted; 0 where it is reached. */
  readonly missedPercent: number
}

interface Bound {
  readonly what: string
  readonly limit: number
  readonly got: number
  readonly unit?: string
  readonly digits?: number
}

/** The more the better. */
export function atLeast({ what, limit, got, unit = '', digits = 2 }: Bound): Target {
  const reached = got >= limit
  const missedPercent = reached ? 0 : ((limit - got) / limit) * 100
  return { what, wanted: `≥ ${limit}${unit}`, got: `${number(got, digits)}${unit}`, reached, missedPercent }
}

/** The less the better. */
export function atMost({ what, limit, got, unit = '', digits = 2 }: Bound): Target {
  const reached = got <= limit
  const missedPercent = reached ? 0 : ((got - limit) / limit) * 100
  const wanted = `≤ ${number(limit, Number.isInteger(limit) ? 0 : digits)}${unit}`
  return { what, wanted, got: `${number(got, digits)}${unit}`, reached, missedPercent }
}

/** With thousands set apart, and so many digits after the point. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
