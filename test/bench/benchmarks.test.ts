import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { beforeAll, describe, expect, it } from 'vitest'
import { installPackages } from '../../bench/install.ts'

const root = join(import.meta.dirname, '../..')

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('the benchmark', () => {
  beforeAll(() => installPackages())

  it('measures everything, in small', { timeout: 180_000 }, () => {
    const { status, stdout, stderr } = run('bench/main.ts', '--smoke')
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const measured = JSON.parse(stdout.slice(stdout.indexOf('\n{\n') + 1))
    const onLinux = process.platform === 'linux' ? ['cost', 'memory'] : []
    expect(Object.keys(measured)).toEqual(['throughput', 'slow', 'latency', 'urgent', ...onLinux, 'start'])
    expect(numbersIn(measured).filter((value) => !(Number.isFinite(value) && value > 0))).toEqual([])
  })

  it('refuses options that it does not know', () => {
    expect(run('bench/main.ts', '--only', 'throughput,luck').stderr).toContain('luck is none of throughput, slow')
    expect(run('bench/main.ts', '--mails', 'many').stderr).toContain('many is no count')
  })

  it('type-checks with its own packages', () => {
    expect(run('node_modules/typescript/bin/tsc', '-p', 'bench')).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('has a page and a chart that are what the results give', () => {
    expect(run('bench/render.ts', '--check')).toEqual({ status: 0, stdout: '', stderr: '' })
  })
})

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}
