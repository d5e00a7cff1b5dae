import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { installPackages } from '../../bench/install.ts'

const root = join(import.meta.dirname, '../..')

async function run(...args: string[]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[status], stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  return { status, stdout, stderr }
}

describe('the benchmark', () => {
  beforeAll(() => installPackages())

  it('measures everything, in small', { timeout: 180_000 }, async () => {
    const { status, stdout, stderr } = await run('bench/main.ts', '--smoke')
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const measured = JSON.parse(stdout.slice(stdout.indexOf('\n{\n') + 1))
    const onLinux = process.platform === 'linux' ? ['cost', 'memory'] : []
    expect(Object.keys(measured)).toEqual(['throughput', 'slow', 'latency', 'urgent', ...onLinux, 'start'])
    expect(numbersIn(measured).filter((value) => !(value >= 0))).toEqual([])
  })

  it('refuses options that it does not know', async () => {
    expect((await run('bench/main.ts', '--only', 'throughput,luck')).stderr).toContain(
      'luck is none of throughput, slow',
    )
    expect((await run('bench/main.ts', '--mails', 'many')).stderr).toContain('many is no count')
  })

  it('type-checks with its own packages', async () => {
    expect(await run('node_modules/typescript/bin/tsc', '-p', 'bench')).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('has a page and a chart that are what the results give', async () => {
    expect(await run('bench/render.ts', '--check')).toEqual({ status: 0, stdout: '', stderr: '' })
  })
})

/** JSON writes null for what is no number. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number' || value === null) return [value ?? Number.NaN]
  return typeof value === 'object' ? Object.values(value).flatMap(numbersIn) : []
}
