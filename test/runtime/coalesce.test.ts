import { describe, expect, it } from 'vitest'
import { coalesce } from '../../src/runtime/coalesce.ts'

/** A task whose runs end when told. */
function controlled() {
  const runs: PromiseWithResolvers<number>[] = []
  const run = coalesce(() => {
    const end = Promise.withResolvers<number>()
    runs.push(end)
    return end.promise
  })
  return { run, runs }
}

describe('a coalesced task', () => {
  it('runs once at a time and once more for all who asked meanwhile', async () => {
    const { run, runs } = controlled()
    const first = run()
    const later = [run(), run(), run()]
    expect(runs.length).toBe(1)
    runs[0]?.resolve(1)
    expect(await first).toBe(1)
    await expect.poll(() => runs.length).toBe(2)
    runs[1]?.resolve(2)
    expect(await Promise.all(later)).toEqual([2, 2, 2])
    expect(runs.length).toBe(2)
  })

  it('gives whoever asks during the second run a third', async () => {
    const { run, runs } = controlled()
    run()
    const second = run()
    runs[0]?.resolve(1)
    await expect.poll(() => runs.length).toBe(2)
    const third = run()
    runs[1]?.resolve(2)
    expect(await second).toBe(2)
    await expect.poll(() => runs.length).toBe(3)
    runs[2]?.resolve(3)
    expect(await third).toBe(3)
  })

  it('goes on after a run that fails', async () => {
    const { run, runs } = controlled()
    const first = run()
    const second = run()
    runs[0]?.reject(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await expect.poll(() => runs.length).toBe(2)
    runs[1]?.resolve(2)
    expect(await second).toBe(2)
  })
})
