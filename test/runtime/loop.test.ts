import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startLoop } from '../../src/runtime/loop.ts'
import { Vitals } from '../../src/runtime/vitals.ts'

function captured() {
  const lines: { level: number; msg: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { lines, log }
}

describe('a loop', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('runs again and again until it is stopped', async () => {
    const run = vi.fn(async () => {})
    const loop = startLoop({ name: 'test', everyMs: 100, log: captured().log, run, vitals: new Vitals() })
    await vi.advanceTimersByTimeAsync(350)
    expect(run).toHaveBeenCalledTimes(3)
    await loop.stop()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('reports the first failure, reminds once a minute, and says when it is over', async () => {
    const { lines, log } = captured()
    const vitals = new Vitals()
    const sinceSuccessMs = () => performance.now() - (vitals.pulses[0]?.succeededAt ?? 0)
    let broken = true
    const run = async () => {
      if (broken) throw new Error('no database')
    }
    const loop = startLoop({ name: 'test', everyMs: 1_000, log, run, vitals })
    await vi.advanceTimersByTimeAsync(59_000)
    expect(lines.map(({ msg }) => msg)).toEqual(['test fails; trying again'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(lines.length).toBe(2)
    expect(vitals.pulses).toMatchObject([{ name: 'test', everyMs: 1_000 }])
    expect(sinceSuccessMs()).toBe(64_000)
    broken = false
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines.at(-1)?.msg).toBe('test works again')
    expect(sinceSuccessMs()).toBeLessThan(1_001)
    broken = true
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines.at(-1)?.msg).toBe('test fails; trying again')
    await loop.stop()
  })
})
