import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInstallation, type Installation } from '../support/installation.ts'

const execute = promisify(execFile)
let installation: Installation

beforeAll(async () => {
  installation = await createInstallation()
})
afterAll(() => installation.remove())

/** The configuration and the names in the environment after it was read, as PM2 would have them. */
async function read(env: Record<string, string> = {}) {
  const script = `const { apps } = require('./ecosystem.config.cjs')
    console.log(JSON.stringify({ apps, names: Object.keys(process.env) }))`
  const { stdout } = await execute(process.execPath, ['-e', script], { cwd: installation.directory, env })
  const { apps, names }: { apps: Record<string, unknown>[]; names: string[] } = JSON.parse(stdout)
  return { stdout, apps, names }
}

describe('the ecosystem file', () => {
  it('runs every worker in fork mode, under an absolute interpreter, without the agent', async () => {
    const { apps } = await read()
    expect(apps).toMatchObject([
      {
        name: 'fleet-email',
        script: 'workers/email.ts',
        instances: 2,
        exec_mode: 'fork',
        pmx: false,
        kill_timeout: 20_000,
      },
      { name: 'fleet-notifications', script: 'workers/notifications.ts', instances: 1, exec_mode: 'fork' },
      { name: 'fleet-lifecycle', script: 'workers/lifecycle.ts', instances: 1, exec_mode: 'fork' },
    ])
    for (const { interpreter, cwd } of apps) {
      expect(interpreter).toMatch(/^\/.*node$/)
      expect(cwd).toBe(installation.directory)
    }
  })

  it('gives five seconds more than SHUTDOWN_SECONDS before it kills, as the workers find it', async () => {
    await installation.writeDotenv('SHUTDOWN_SECONDS=60\nDATABASE_URL=postgres://fleet:geheim@db.example/fleet\n')
    const { apps, names, stdout } = await read()
    const timeouts = (workers: typeof apps) => workers.map(({ kill_timeout }) => kill_timeout)
    expect(timeouts(apps)).toEqual([65_000, 65_000, 65_000])
    expect(timeouts((await read({ SHUTDOWN_SECONDS: '30' })).apps)).toEqual([35_000, 35_000, 35_000])
    expect(timeouts((await read({ SHUTDOWN_SECONDS: '' })).apps)).toEqual([65_000, 65_000, 65_000])
    expect(names).not.toContain('DATABASE_URL')
    expect(stdout).not.toContain('geheim')
  })

  it('puts the metrics of the workers ten ports apart, as each counts its instances from 0', async () => {
    const ports = async (env: Record<string, string> = {}) => {
      const { apps } = await read(env)
      return apps.map((app) => (app.env as Record<string, string>).METRICS_PORT)
    }
    await installation.writeDotenv('METRICS_PORT=9464\n')
    expect(await ports()).toEqual(['9464', '9474', '9484'])
    expect(await ports({ METRICS_PORT: '9000' })).toEqual(['9000', '9010', '9020'])
    await installation.writeDotenv('')
    expect(await ports()).toEqual([undefined, undefined, undefined])
    // A fault is for the worker to tell of.
    expect(await ports({ METRICS_PORT: 'off' })).toEqual([undefined, undefined, undefined])
  })
})
