import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Alert, AlertChannel, Finding, Severity } from '../../src/alerts/alert.ts'
import { afterTelling, assess, clearMs, cooldownMs, holdMs, type Message, messageDue } from '../../src/alerts/assess.ts'

const startMs = Date.parse('2026-03-02T03:00:00Z')
const lookMs = 30_000
const channel: AlertChannel = 'telegram'

interface Said {
  readonly message: Message
  readonly look: number
}

/** What the channel is told when at each look the problem is there (`x`) or not (`.`), and it takes messages or (in `dead`) does not. */
function tell(
  looks: string,
  { severity = 'critical', dead = '' }: { severity?: Severity; dead?: string } = {},
): Said[] {
  let known: readonly Alert[] = []
  const said: Said[] = []
  for (const [index, there] of [...looks].entries()) {
    const now = new Date(startMs + index * lookMs)
    const finding: Finding = { kind: 'outage', subject: 'email', severity, detail: {} }
    const { alerts } = assess({ findings: there === 'x' ? [finding] : [], known, now })
    const all = [...alerts, ...known.filter(({ overAt }) => overAt !== null)]
    known = all.map((alert) => {
      const message = dead[index] === 'x' ? undefined : messageDue(alert, channel, now)
      if (message === undefined) return alert
      said.push({ message, look: index })
      return afterTelling(alert, { channel, message, now })
    })
  }
  return said
}

function words(said: readonly Said[]): string {
  return said.map(({ message, look }) => `${message}@${look}`).join(' ')
}

describe('an incident', () => {
  it.each([
    ['is told when it has lasted for a minute', 'xxx', '', 'begins@2'],
    ['is not told when it is gone before', 'xx.xx.xx', '', ''],
    ['is told once within its cooldown', 'x'.repeat(12), '', 'begins@2'],
    ['is told again after it', 'x'.repeat(23), '', 'begins@2 lasts@12 lasts@22'],
    ['is over when it is gone for a minute, and told so once', `xxx${'.'.repeat(20)}`, '', 'begins@2 over@5'],
    ['is not over when it comes back before', 'xxx..xxx...', '', 'begins@2 over@10'],
    ['is told to a channel as soon as it is back', 'x'.repeat(10), 'xxxxxx', 'begins@6'],
    ['is told as over, once, where nothing else could be told', 'xxx......', 'xxxxxxx', 'over@7'],
    [
      'that follows another is told when the cooldown of that has passed',
      `xxx...${'x'.repeat(12)}`,
      '',
      'begins@2 over@5 begins@15',
    ],
  ])('%s', (_, looks, dead, expected) => expect(words(tell(looks, { dead }))).toBe(expected))

  it('that is not critical is told less often', () => {
    expect(words(tell('x'.repeat(34), { severity: 'warning' }))).toBe('begins@2 lasts@32')
    expect(words(tell('x'.repeat(124), { severity: 'info' }))).toBe('begins@2 lasts@122')
  })

  it('is not told as over a day late', () => {
    const hours = 25 * 120
    expect(tell(`xxx${'.'.repeat(hours)}`, { dead: 'x'.repeat(hours) })).toEqual([])
  })
})

const looks = fc.array(fc.constantFrom('x', '.'), { minLength: 1, maxLength: 200 }).map((all) => all.join(''))
/** Long stretches, so that incidents do begin and end. */
const stretches = fc
  .array(fc.tuple(fc.constantFrom('x', '.'), fc.integer({ min: 1, max: 15 })), { minLength: 1, maxLength: 30 })
  .map((all) => all.map(([there, length]) => there.repeat(length)).join(''))
const severities = fc.constantFrom<Severity>('critical', 'warning', 'info')

describe('whatever happens', () => {
  it('no two alarms come within a cooldown', () => {
    fc.assert(
      fc.property(fc.oneof(looks, stretches), severities, looks, (seen, severity, dead) => {
        const alarms = tell(seen, { severity, dead }).filter(({ message }) => message !== 'over')
        for (const [index, { look }] of alarms.entries()) {
          const before = alarms[index - 1]
          if (before) expect((look - before.look) * lookMs).toBeGreaterThanOrEqual(cooldownMs[severity])
        }
      }),
    )
  })

  it('what was told is told as over once, and never before it began', () => {
    fc.assert(
      fc.property(stretches, severities, (seen, severity) => {
        const said = tell(`${seen}....`, { severity })
        const begun = said.filter(({ message }) => message === 'begins').length
        const over = said.filter(({ message }) => message === 'over').length
        // One that came and went within the cooldown of the one before is told as over alone, if at all.
        expect(over).toBeGreaterThanOrEqual(begun)
        for (const [index, { message }] of said.entries()) {
          const next = said[index + 1]?.message
          if (message !== 'over' && next !== undefined) expect(next).not.toBe('begins')
          if (message === 'over' && next !== undefined) expect(next).not.toBe('lasts')
        }
      }),
    )
  })

  it('what comes and goes faster than it would hold is never told', () => {
    const flicker = fc.array(fc.constantFrom('x.', 'xx.', '.'), { maxLength: 60 }).map((all) => all.join(''))
    fc.assert(
      fc.property(flicker, (seen) => {
        expect(tell(seen)).toEqual([])
      }),
    )
    expect(2 * lookMs).toBeLessThanOrEqual(holdMs.outage)
  })

  it('what is gone for less than it takes to be over is one incident', () => {
    const gaps = fc.array(fc.constantFrom('xxxx', '.', 'x..x'), { maxLength: 60 }).map((all) => `xxx${all.join('x')}x`)
    fc.assert(
      fc.property(gaps, (seen) => {
        expect(tell(seen).filter(({ message }) => message !== 'lasts')).toEqual([{ message: 'begins', look: 2 }])
      }),
    )
    expect(2 * lookMs).toBeLessThanOrEqual(clearMs)
  })
})
