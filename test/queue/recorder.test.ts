import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { AttemptResult } from '../../src/queue/leased-table.ts'
import type { Recorded } from '../../src/queue/outcome-record.ts'
import { Recorder } from '../../src/queue/recorder.ts'

const log = pino({ level: 'silent' })

function result(id: number, details: object = {}): AttemptResult {
  return {
    id,
    token: String(id),
    settlement: { status: 'sent' },
    entry: undefined,
    details: { ...details },
    delivered: {},
  }
}

/** Writes whose end the test decides. */
function controlled(expected = () => 0) {
  const writes: { ids: number[]; details: unknown[]; end: PromiseWithResolvers<Recorded> }[] = []
  const write = (results: readonly AttemptResult[]) => {
    const end = Promise.withResolvers<Recorded>()
    writes.push({ ids: results.map(({ id }) => id), details: results.map(({ details }) => details), end })
    return end.promise
  }
  return { recorder: new Recorder({ write, expected, log }), writes }
}

const nothing: Recorded = { fenced: [], locked: [] }
const refused = Object.assign(new Error('invalid input'), { code: '22P05' })

describe('the recorder', () => {
  it('writes together what came while it was writing', async () => {
    const { recorder, writes } = controlled()
    const first = recorder.record(result(1))
    await expect.poll(() => writes.length).toBe(1)
    const rest = [recorder.record(result(2)), recorder.record(result(3))]
    writes[0]?.end.resolve(nothing)
    await first
    await expect.poll(() => writes.map(({ ids }) => ids)).toEqual([[1], [2, 3]])
    writes[1]?.end.resolve(nothing)
    await Promise.all(rest)
  })

  it('waits a moment for outcomes that are expected, not for others', async () => {
    let expected = 1
    const { recorder, writes } = controlled(() => expected)
    const recorded = [recorder.record(result(1))]
    expected = 0
    recorded.push(recorder.record(result(2)))
    await expect.poll(() => writes.map(({ ids }) => ids)).toEqual([[1, 2]])
    writes[0]?.end.resolve(nothing)
    await Promise.all(recorded)
    expected = 1
    void recorder.record(result(3))
    await expect.poll(() => writes.map(({ ids }) => ids)).toEqual([[1, 2], [3]])
    writes[1]?.end.resolve(nothing)
  })

  it('keeps an outcome while the database is out of reach', async () => {
    const { recorder, writes } = controlled()
    const recorded = recorder.record(result(1))
    await expect.poll(() => writes.length).toBe(1)
    writes[0]?.end.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
    await expect.poll(() => writes.length).toBe(2)
    writes[1]?.end.resolve(nothing)
    await recorded
  })

  it('does not let one outcome that cannot be stored take others with it, and stores it without its details', async () => {
    const { recorder, writes } = controlled()
    const first = recorder.record(result(0))
    await expect.poll(() => writes.length).toBe(1)
    const both = Promise.all([recorder.record(result(1, { bad: 1 })), recorder.record(result(2, { good: 1 }))])
    writes[0]?.end.resolve(nothing)
    await first
    await expect.poll(() => writes.length).toBe(2)
    writes[1]?.end.reject(refused)
    await expect.poll(() => writes.length).toBe(3)
    writes[2]?.end.reject(refused)
    await expect.poll(() => writes.length).toBe(4)
    expect(writes[3]).toMatchObject({ ids: [1], details: [{}] })
    writes[3]?.end.resolve(nothing)
    await expect.poll(() => writes.length).toBe(5)
    expect(writes[4]).toMatchObject({ ids: [2], details: [{ good: 1 }] })
    writes[4]?.end.resolve(nothing)
    await both
  })

  it('tries again what another program has locked, and lets the others go', async () => {
    const { recorder, writes } = controlled()
    const [stuck, free] = [result(1), result(2)]
    const order: number[] = []
    const both = [stuck, free].map((one) => recorder.record(one).then(() => order.push(one.id)))
    await expect.poll(() => writes.map(({ ids }) => ids)).toEqual([[1, 2]])
    writes[0]?.end.resolve({ fenced: [], locked: [stuck] })
    await expect.poll(() => writes.map(({ ids }) => ids)).toEqual([[1, 2], [1]])
    expect(order).toEqual([2])
    writes[1]?.end.resolve(nothing)
    await Promise.all(both)
    expect(order).toEqual([2, 1])
  })

  it('lets the others go when one of them runs into a lock that somebody keeps', async () => {
    const { recorder, writes } = controlled()
    const both = [1, 2].map((id) => recorder.record(result(id)))
    const locked = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })
    const tries: number[][] = []
    // Together until patience is over, then one by one: the first one is tried later.
    for (let n = 0; !tries.some((ids) => ids.length === 1 && ids[0] === 2); n += 1) {
      await expect.poll(() => writes.length).toBeGreaterThan(n)
      const { ids = [], end } = writes[n] ?? {}
      tries.push(ids)
      if (ids.includes(1)) end?.reject(locked)
      else end?.resolve(nothing)
    }
    await both[1]
    const before = writes.length
    await expect.poll(() => writes.length).toBeGreaterThan(before)
    writes.at(-1)?.end.resolve(nothing)
    await both[0]
  })

  it('gives up only when told to', async () => {
    const { recorder, writes } = controlled()
    const recorded = recorder.record(result(1))
    await expect.poll(() => writes.length).toBe(1)
    recorder.giveUp()
    writes[0]?.end.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
    await recorded
    expect(writes.length).toBe(1)
  })
})
