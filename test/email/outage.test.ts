import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Outage } from '../../src/email/outage.ts'
import { RefusalStreak } from '../../src/email/refusal-streak.ts'

const log = pino({ level: 'silent' })

describe('an outage', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function create(probe: () => boolean = () => true) {
    const onReady = vi.fn()
    const outage = new Outage({ lanes: 10, probe: async () => probe(), onReady, log })
    return { outage, onReady }
  }

  it('pauses claiming, tries one row after a probe, and ends when that is taken', async () => {
    const { outage, onReady } = create()
    expect(outage.capacity).toBe(10)
    outage.began('down')
    expect(outage.capacity).toBe(0)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(outage.capacity).toBe(1)
    expect(onReady).toHaveBeenCalledTimes(1)
    outage.passed()
    expect(outage.capacity).toBe(10)
    expect(outage.pauseMs).toBe(0)
  })

  it('waits longer after each failed probe, a minute at most', async () => {
    const probes: number[] = []
    const startedAt = Date.now()
    const { outage } = create(() => {
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
    expect(outage.capacity).toBe(10)
    expect(onReady).toHaveBeenCalledTimes(1)
  })

  it('is not meant by a server that turns some connections away, which gets fewer for a while', async () => {
    const { outage } = create()
    outage.fewer(4)
    expect(outage.capacity).toBe(4)
    outage.fewer(4)
    expect(outage.capacity).toBe(3)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(outage.capacity).toBe(5)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(outage.capacity).toBe(10)
  })
})

describe('a streak of refusals', () => {
  const refuse = (streak: RefusalStreak, n: number, key = '5.7.1') =>
    streak.add({ key, domains: [`domain${n}.example`], row: { id: n, token: String(n) } })

  it('becomes an outage with the fifth domain, and names what failed before, once', () => {
    const streak = new RefusalStreak()
    for (const n of [1, 2, 3, 4]) expect(refuse(streak, n)).toBeUndefined()
    expect(refuse(streak, 5)?.map(({ id }) => id)).toEqual([1, 2, 3, 4])
    expect(refuse(streak, 6)).toEqual([])
  })

  it('does not count one domain twice', () => {
    const streak = new RefusalStreak()
    for (const n of [1, 1, 1, 1, 1, 1, 1]) expect(refuse(streak, n)).toBeUndefined()
  })

  it.each([
    ['something is accepted', (streak: RefusalStreak) => streak.end()],
    ['another refusal comes between', (streak: RefusalStreak) => void refuse(streak, 9, '5.7.26')],
  ])('starts again when %s', (_name, interrupt) => {
    const streak = new RefusalStreak()
    for (const n of [1, 2, 3, 4]) refuse(streak, n)
    interrupt(streak)
    expect(refuse(streak, 5)).toBeUndefined()
  })
})
