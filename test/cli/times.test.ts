import { describe, expect, it } from 'vitest'
import { screenOf } from '../../src/cli/screen.ts'
import { formatExactTime, formatTime } from '../../src/cli/times.ts'
import { formatRelative } from '../../src/runtime/durations.ts'

const now = new Date('2026-11-22T12:00:00Z')
const at = (ms: number) => new Date(now.getTime() + ms)

describe('a time seen from now', () => {
  it.each([
    [0, 'now'],
    [999, 'now'],
    [-999, 'now'],
    [1_000, 'in 1 s'],
    [-119_999, '119 s ago'],
    [120_000, 'in 2 min'],
    [-7_199_000, '119 min ago'],
    [7_200_000, 'in 2 h'],
    [-172_799_000, '47 h ago'],
    [-172_800_000, '2 d ago'],
    [86_400_000 * 400, 'in 400 d'],
  ])('%d ms away is "%s"', (ms, text) => expect(formatRelative(at(ms), now)).toBe(text))

  it('is exact for programs, and both where there is room', () => {
    const screens = { terminal: screenOf({ isTTY: true, columns: 80 }, {}), pipe: screenOf({}, {}) }
    expect(formatTime(at(-5_000), { now, screen: screens.terminal })).toBe('5 s ago')
    expect(formatTime(at(-5_000), { now, screen: screens.pipe })).toBe('2026-11-22T11:59:55.000Z')
    expect(formatTime(null, { now, screen: screens.pipe })).toBe('-')
    expect(formatExactTime(at(720_000), now)).toBe('2026-11-22 12:12:00 UTC (in 12 min)')
  })
})
