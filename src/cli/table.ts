import stringWidth from 'string-width'
import { getBorderCharacters, table } from 'table'
import { printable } from './printable.ts'
import type { Screen } from './screen.ts'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** A cell that is coloured after it has been cut. */
export interface Cell {
  readonly text: string
  readonly paint?: ((text: string) => string) | undefined
}

const gap = 2
const narrowest = 3

/** Rows under a line of titles, made to fit the screen by cutting the widest columns. Ends with a line break. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  const texts = rows.map((row) => row.map(({ text }) => printable(text)))
  const needed = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...texts.map((row) => stringWidth(row[index] ?? ''))),
  )
  const widths = narrow(needed, screen.width - gap * (columns.length - 1))
  const heads = columns.map(({ title }, index) => screen.colors.bold(cut(title, widths[index] ?? 0)))
  const cells = texts.map((row, rowIndex) =>
    row.map((text, index) => {
      const paint = rows[rowIndex]?.[index]?.paint ?? String
      return paint(cut(text, widths[index] ?? 0))
    }),
  )
  const drawn = table([heads, ...cells], {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: gap },
    columns: columns.map(({ align = 'left' }) => ({ alignment: align })),
    drawHorizontalLine: () => false,
  })
  return drawn.replace(/ +$/gm, '')
}

/** A title and a value on each line. */
export function renderFacts(facts: readonly (readonly [title: string, value: string])[], screen: Screen): string {
  const width = Math.max(...facts.map(([title]) => stringWidth(title)))
  const lines = facts.map(([title, value]) => `${screen.colors.dim(title.padEnd(width))}  ${value}`)
  return `${lines.join('\n')}\n`
}

/** The widths with the widest made narrower, again and again, until they fit. */
function narrow(needed: readonly number[], available: number): number[] {
  const widths = [...needed]
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - available; excess > 0; excess -= 1) {
    const widest = widths.indexOf(Math.max(...widths))
    const width = widths[widest] ?? 0
    if (width <= narrowest) break
    widths[widest] = width - 1
  }
  return widths
}

/** As much of the text as `width` columns hold, with … where something is missing. Never splits what reads as one character. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}
