import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startLoop } from '../../src/runtime/loop.ts'

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
    const loop = startLoop({ name: 'test', everyMs: 100, log: captured().log, run })
    await vi.advanceTimersByTimeAsync(350)
    expect(run).toHaveBeenCalledTimes(3)
    await loop.stop()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('reports the first failure, reminds once a minute, and says when it is over', async () => {
    const { lines, log } = captured()
    let broken = true
    const run = async () => {
      if (broken) throw new Error('no database')
    }
    const loop = startLoop({ name: 'test', everyMs: 1_000, log, run })
    await vi.advanceTimersByTimeAsync(59_000)
    expect(lines.map(({ msg }) => msg)).toEqual(['test fails; trying again'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(lines.length).toBe(2)
    broken = false
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines.at(-1)?.msg).toBe('test works again')
    broken = true
    await vi.advanceTimersByTimeAsync(2_000)
    expect(lines.at(-1)?.msg).toBe('test fails; trying again')
    await loop.stop()
  })
})
