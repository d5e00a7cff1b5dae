import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LaneLimit } from '../../src/email/lane-limit.ts'
import { Outage } from '../../src/email/outage.ts'
import { RefusalStreak } from '../../src/email/refusal-streak.ts'

const log = pino({ level: 'silent' })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('an outage', () => {
  function create(probe: () => Promise<boolean> = async () => true) {
    const onReady = vi.fn()
    const onChange = vi.fn()
    const outage = new Outage({ probe, onReady, onChange, log })
    return { outage, onReady, onChange }
  }

  it('says since when it lasts and why, and that this has changed', async () => {
    const { outage, onChange } = create()
    expect(outage.current).toBeUndefined()
    const before = Date.now()
    outage.began('450 not now')
    expect(outage.current).toMatchObject({ reason: '450 not now' })
    expect(Math.abs((outage.current?.since.getTime() ?? 0) - before)).toBeLessThan(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    outage.began('451 still not')
    expect(outage.current).toMatchObject({ reason: '450 not now' })
    expect(onChange).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(2_000)
    outage.passed()
    expect(outage.current).toBeUndefined()
    expect(onChange).toHaveBeenCalledTimes(2)
  })

  it('pauses claiming, tries one row after a probe, and ends when that is taken', async () => {
    const { outage, onReady } = create()
    expect(outage.capacity).toBe(Number.POSITIVE_INFINITY)
    outage.began('down')
    expect(outage.capacity).toBe(0)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(outage.capacity).toBe(1)
    expect(onReady).toHaveBeenCalledTimes(1)
    outage.passed()
    expect(outage.capacity).toBe(Number.POSITIVE_INFINITY)
    expect(outage.pauseMs).toBe(0)
  })

  it('waits longer after each failed probe, a minute at most', async () => {
    const probes: number[] = []
    const startedAt = Date.now()
    const { outage } = create(async () => {
      probes.push(Math.round((Date.now() - startedAt) / 1_000))
      return false
    })
    outage.began('down')
    await vi.advanceTimersByTimeAsync(300_000)
    expect(probes).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243])
    outage.stop()
  })

  it('goes on longer when the row that was tried is not taken', async () => {
    const { outage } = create()
    outage.began('refused')
    await vi.advanceTimersByTimeAsync(1_000)
    outage.began('refused again')
    expect(outage.capacity).toBe(0)
    expect(outage.pauseMs).toBe(2_000)
    outage.stop()
  })

  it('ends at once when mail in hand still gets through', () => {
    const { outage, onReady } = create()
    outage.began('down')
    outage.passed()
    expect(outage.capacity).toBe(Number.POSITIVE_INFINITY)
    expect(onReady).toHaveBeenCalledTimes(1)
  })

  it('does not listen to the probe of an earlier one', async () => {
    const late = Promise.withResolvers<boolean>()
    const { outage } = create(() => late.promise)
    outage.began('first')
    await vi.advanceTimersByTimeAsync(1_000)
    outage.passed()
    outage.began('second')
    late.resolve(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(outage.capacity).toBe(0)
    outage.stop()
  })

  it('tries nothing more once stopped, also when a probe was under way, or throws', async () => {
    const under = Promise.withResolvers<boolean>()
    const probe = vi.fn(() => under.promise)
    const { outage } = create(probe)
    outage.began('down')
    await vi.advanceTimersByTimeAsync(1_000)
    outage.stop()
    under.reject(new Error('closed'))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(probe).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the limit of connections', () => {
  it('falls to those that work and grows again by one every five seconds', async () => {
    const limit = new LaneLimit(10, log)
    for (const working of [4, 5, 4]) limit.shrinkTo(working)
    expect(limit.current).toBe(4)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(limit.current).toBe(6)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(limit.current).toBe(10)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is never none', () => {
    const limit = new LaneLimit(10, log)
    limit.shrinkTo(0)
    expect(limit.current).toBe(1)
    limit.reset()
  })
})

describe('a streak of refusals', () => {
  const refuse = (streak: RefusalStreak, n: number, reply = '554 5.7.1') =>
    streak.isAboutUs({ reply, domains: [`domain${n}.example`], row: { id: n, token: String(n) } })

  it('is about us with the fifth domain, and names what failed before until that is put back', () => {
    const streak = new RefusalStreak()
    for (const n of [1, 2, 3, 4]) expect(refuse(streak, n)).toBe(false)
    expect(refuse(streak, 5)).toBe(true)
    expect(streak.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4])
    streak.putBack(streak.rows)
    expect(refuse(streak, 6)).toBe(true)
    expect(streak.rows).toEqual([])
  })

  it('does not count one domain twice', () => {
    const streak = new RefusalStreak()
    for (const n of [1, 1, 1, 1, 1, 1, 1]) expect(refuse(streak, n)).toBe(false)
  })

  it.each([
    ['something is accepted', (streak: RefusalStreak) => streak.end()],
    ['another refusal comes between', (streak: RefusalStreak) => void refuse(streak, 9, '554 5.7.26')],
  ])('starts again when %s', (_name, interrupt) => {
    const streak = new RefusalStreak()
    for (const n of [1, 2, 3, 4]) refuse(streak, n)
    interrupt(streak)
    expect(refuse(streak, 5)).toBe(false)
  })
})
