export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

/** Of a year without a leap day, with every change of the clocks in it. */
export const yearBegins = Date.UTC(2027, 0, 1)
export const yearEnds = Date.UTC(2028, 0, 1)

/** When a subscription ends, in milliseconds; null and Infinity for never. */
export type End = number | null

/** As PostgreSQL reads a `timestamp` in UTC. */
export function toTimestamp(moment: End): string | null {
  if (moment === null) return null
  return moment === Number.POSITIVE_INFINITY
    ? 'infinity'
    : new Date(moment).toISOString().replace('T', ' ').slice(0, 19)
}

export function showMoment(moment: End): string {
  return toTimestamp(moment) ?? 'never'
}

export function everEnds(end: End): end is number {
  return end !== null && Number.isFinite(end)
}
