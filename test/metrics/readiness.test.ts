import { describe, expect, it } from 'vitest'
import { type ReadinessFacts, whyNotReady } from '../../src/metrics/readiness.ts'

const second = 1_000

interface Case {
  readonly what: string
  readonly everySeconds: number
  readonly longestSeconds?: number
  readonly isSpare?: boolean
  readonly silentSeconds: number
  readonly ready: boolean
}

const cases: Case[] = [
  { what: 'a loop that succeeds', everySeconds: 20, silentSeconds: 20, ready: true },
  { what: 'a loop that has missed three periods', everySeconds: 20, silentSeconds: 61, ready: false },
  { what: 'a quick loop that has missed many within 15 s', everySeconds: 0.2, silentSeconds: 15, ready: true },
  { what: 'a quick loop after 15 s', everySeconds: 0.2, silentSeconds: 16, ready: false },
  { what: 'a loop whose run may take long', everySeconds: 1, longestSeconds: 60, silentSeconds: 75, ready: true },
  { what: 'that loop after its time', everySeconds: 1, longestSeconds: 60, silentSeconds: 76, ready: false },
  { what: 'what the work goes on without', everySeconds: 15, isSpare: true, silentSeconds: 3_600, ready: true },
]

function factsOf({ everySeconds, longestSeconds = 0, isSpare = false, silentSeconds }: Case): ReadinessFacts {
  const pulse = { name: 'loop', everyMs: everySeconds * second, longestMs: longestSeconds * second, isSpare }
  const pulses = [{ ...pulse, succeededAt: 0 }]
  return { phase: 'working', now: silentSeconds * second, workers: [{ name: 'email', blocked: undefined, pulses }] }
}

describe('readiness', () => {
  it.each(cases)('of $what, after $silentSeconds s: $ready', ({ ready, ...rest }) => {
    expect(whyNotReady(factsOf({ ready, ...rest })).length === 0).toBe(ready)
  })

  it('says which loop of which worker, since when, and how often it should', () => {
    const facts = factsOf({ what: '', everySeconds: 5, silentSeconds: 18.4, ready: false })
    expect(whyNotReady(facts)).toEqual(['email: loop: no success for 18 s, expected every 5 s'])
  })

  it('waits for the database at first, and ends with the order to stop, whatever the loops do', () => {
    const facts = factsOf({ what: '', everySeconds: 5, silentSeconds: 0, ready: true })
    expect(whyNotReady({ ...facts, phase: 'starting' })).toEqual(['waiting for its database'])
    expect(whyNotReady({ ...facts, phase: 'stopping' })).toEqual(['stopping'])
  })

  it('is not that of a worker that may send nothing', () => {
    const workers = [{ name: 'email', blocked: 'another database', pulses: [] }]
    expect(whyNotReady({ phase: 'working', now: 0, workers })).toEqual(['email: blocked: another database'])
  })
})
