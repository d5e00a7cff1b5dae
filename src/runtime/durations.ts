const units = [
  { name: 'd', ms: 86_400_000, from: 2 * 86_400_000 },
  { name: 'h', ms: 3_600_000, from: 2 * 3_600_000 },
  { name: 'min', ms: 60_000, from: 2 * 60_000 },
  { name: 's', ms: 1_000, from: 1_000 },
] as const

/** `3 h`, `12 min`, `now` for less than a second: whole units, of which there are two at least (seconds apart). */
export function formatDuration(ms: number): string {
  const unit = units.find(({ from }) => Math.abs(ms) >= from)
  return unit === undefined ? 'now' : `${Math.floor(Math.abs(ms) / unit.ms)} ${unit.name}`
}

/** Seen from `now`: `in 12 min`, `3 h ago`. */
export function formatRelative(time: Date, now: Date): string {
  const ms = time.getTime() - now.getTime()
  const duration = formatDuration(ms)
  if (duration === 'now') return duration
  return ms > 0 ? `in ${duration}` : `${duration} ago`
}
