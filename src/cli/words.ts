import type { Screen } from './screen.ts'

/** `1 mail`, `1,024 mails`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `3 failed, 1 held`. */
export function listCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, count]) => `${formatCount(count)} ${word}`)
    .join(', ')
}

/** `1, 2, 3 and 17 more` of `count` ids, of which some are known. */
export function listIds(ids: readonly number[], count: number): string {
  const rest = count - ids.length
  return rest > 0 ? `${ids.join(', ')} and ${formatCount(rest)} more` : ids.join(', ')
}

/** In the colour that the status of a mail has everywhere. */
export function paintStatus(status: string, { colors }: Screen): (text: string) => string {
  switch (status) {
    case 'sent':
      return colors.green
    case 'failed':
      return colors.red
    case 'held':
      return colors.magenta
    case 'pending':
    case 'sending':
      return colors.yellow
    default:
      return colors.dim
  }
}
