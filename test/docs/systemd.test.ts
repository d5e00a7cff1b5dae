import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { variables } from '../../src/config/variables.ts'
import { closingMs } from '../../src/process/deadline.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'docs/operations/systemd')
const { apps } = createRequire(import.meta.url)(join(root, 'ecosystem.config.cjs'))

/** What a unit says under each name; some may be given several times. */
async function readUnit(name: string): Promise<Map<string, string[]>> {
  const settings = new Map<string, string[]>()
  for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) settings.set(key, [...(settings.get(key) ?? []), value])
  }
  return settings
}

describe('the unit of a worker', () => {
  it('runs each worker that PM2 would run, by the Node.js of the release', async () => {
    const unit = await readUnit('fleet@.service')
    const [start = ''] = unit.get('ExecStart') ?? []
    expect(start).toMatch(/^\/srv\/fleet\/current\/node_modules\/node\/bin\/node workers\/%i\.ts$/)
    const page = await readFile(join(root, 'docs/operations/systemd.md'), 'utf8')
    for (const { script } of apps) {
      const [, name] = /^workers\/(\w+)\.ts$/.exec(script) ?? []
      expect(existsSync(join(root, start.split(' ')[1]?.replace('%i', String(name)) ?? ''))).toBe(true)
      expect(page).toContain(`fleet@${name}`)
    }
  })

  it('leaves a wrong configuration alone, and lets the drain end', async () => {
    const unit = await readUnit('fleet@.service')
    expect(unit.get('RestartPreventExitStatus')).toEqual(apps[0].stop_exit_codes.map(String))
    const drainSeconds = Number(variables.SHUTDOWN_SECONDS.default) + closingMs / 1000
    expect(Number(unit.get('TimeoutStopSec')?.[0])).toBeGreaterThan(drainSeconds)
  })

  it('sets variables that there are, and no secret in the environment', async () => {
    for (const name of ['fleet@.service', 'fleet-sweep.service']) {
      const given = ((await readUnit(name)).get('Environment') ?? []).map((entry) => entry.split('=')[0] ?? '')
      expect(given.length).toBeGreaterThan(0)
      for (const variable of given) {
        if (variable === 'NODE_COMPILE_CACHE') continue
        const secret = variable.replace(/_FILE$/, '')
        expect(variables).toHaveProperty(secret)
        expect(variable).toBe(`${secret}_FILE`)
      }
    }
  })

  it.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)('is one that systemd takes', async () => {
    const units = ['fleet@.service', 'fleet-sweep.service', 'fleet-sweep.timer'].map((name) => join(folder, name))
    const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...units]).catch(
      (error) => error,
    )
    // The release is not installed here.
    const complaints = stderr.split('\n').filter((line: string) => line !== '' && !/is not executable/.test(line))
    expect(complaints).toEqual([])
  })
})
