const leastMs = 1_000
const mostMs = 60 * 60 * 1_000

/**
 * How long a `Retry-After` header asks to wait, in milliseconds: seconds or a date (RFC 9110, section 10.2.3), as 1 s to an hour; a
 * second where it is missing or says neither.
 */
export function retryAfterMs(header: string | undefined, now: Date): number {
  const text = header?.trim() ?? ''
  const askedMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now.getTime()
  return Number.isNaN(askedMs) ? leastMs : Math.min(mostMs, Math.max(leastMs, askedMs))
}
