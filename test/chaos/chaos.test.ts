import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, it } from 'vitest'

const timeout = 900_000
const main = join(import.meta.dirname, 'main.ts')

interface Ended {
  readonly status: number
  readonly output: string
}

/** As `npm run chaos -- …` does it. */
function runChaos(...args: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
    resolve({ status: Number(error?.code ?? 0), output: stdout + stderr })
  })
  return promise
}

/** They wait for leases most of the time. */
describe.concurrent('whatever breaks', () => {
  it('loses no mail and accounts for every duplicate', { timeout }, async () => {
    const { status, output } = await runChaos('--rounds', '20', '--seed', '20')
    const rounds = output.split('\n').filter((line) => /^ +\d+ \S/.test(line))
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('All guarantees hold.') })
    expect(rounds).toHaveLength(20)
    expect(new Set(rounds.map((line) => line.trim().split(/\s+/)[1])).size).toBe(19)
    expect(output).toMatch(/^rows [1-9]\d*, lost 0, duplicates \d+, ambiguous \d+, slowest recovery [\d.]+ s$/m)
  })

  it('loses no notification and accounts for every duplicate', { timeout }, async () => {
    const { status, output } = await runChaos('--queue', 'notifications', '--rounds', '10', '--seed', '20')
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('All guarantees hold.') })
    expect(output).toMatch(/^rows [1-9]\d*, lost 0, duplicates \d+, ambiguous \d+, slowest recovery [\d.]+ s$/m)
  })
})

describe.concurrent('a safeguard that is taken out', () => {
  it.for(['mail', 'notifications'])('of %s is missed', { timeout }, async (queue) => {
    const { status, output } = await runChaos('--queue', queue, '--mutate', '--seed', '20')
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('All mutations are caught.') })
    expect(output.match(/^without the .*: caught: /gm)).toHaveLength(4)
  })
})
