import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pm2Check } from '../../../src/ops/doctor/pm2-check.ts'
import { listPm2Processes } from '../../../src/ops/doctor/pm2-processes.ts'
import { createPm2, type Pm2 } from '../../process/pm2.ts'
import { createInstallation, type Installation } from '../../support/installation.ts'
import { hostWith, told } from './host.ts'

describe('the check of PM2', () => {
  it('is content with the file as it is', async () => {
    expect(await pm2Check.examine(hostWith({ SHUTDOWN_SECONDS: '19' }))).toEqual({
      findings: [],
      fine: 'kills no worker within the 19 s that it has to stop',
    })
  })

  it('finds that workers would be killed while they stop', async () => {
    expect(told(await pm2Check.examine(hostWith({ SHUTDOWN_SECONDS: '20' })))).toEqual([
      'error KILL_TIMEOUT_TOO_SHORT: PM2 kills fleet-email after 20 s, fleet-notifications after 20 s, fleet-lifecycle after 20 s, ' +
        'and SHUTDOWN_SECONDS gives them 20 s',
    ])
  })
})

describe('what PM2 runs', () => {
  let installation: Installation
  let pm2: Pm2
  beforeAll(async () => {
    installation = await createInstallation()
    pm2 = await createPm2(installation.directory, {})
    const script = join(installation.directory, 'idle.cjs')
    await writeFile(script, 'setInterval(() => {}, 1000)')
    await pm2.run('start', script, '--name', 'fleet-email', '--kill-timeout', '3000')
  })
  afterAll(async () => {
    await pm2.remove()
    await installation.remove()
  })

  it('is listed with the time it has to stop, for the folder that was asked for', async () => {
    const { directory } = installation
    const running = [{ name: 'fleet-email', killTimeoutMs: 3_000 }]
    expect(await listPm2Processes(directory, { home: pm2.home })).toEqual(running)
    expect(await listPm2Processes(join(directory, 'workers'), { home: pm2.home })).toEqual([])
  })

  it('is nothing where no PM2 runs, and none is started', async () => {
    expect(await listPm2Processes(installation.directory, { home: join(installation.directory, 'src') })).toEqual([])
  })
})
