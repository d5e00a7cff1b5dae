/** `2026-12-23 06:00 (09:00 Europe/Moscow)`: in UTC and where it is read, with the day there where that is another. */
export function formatBoth(time: Date, timezone: string): string {
  const [utcDay, utcClock] = readClock(time, 'UTC')
  if (timezone === 'UTC') return `${utcDay} ${utcClock}`
  const [day, clock] = readClock(time, timezone)
  return `${utcDay} ${utcClock} (${day === utcDay ? clock : `${day} ${clock}`} ${timezone})`
}

/** Swedish writes a date as ISO 8601 does. */
function readClock(time: Date, timeZone: string): readonly [day: string, clock: string] {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
  const [day = '', clock = ''] = format.format(time).split(' ')
  return [day, clock]
}
