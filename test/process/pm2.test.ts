import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { attemptsOf, countByStatus, duplicates, insertMails, waitForMails, waitUntilSent } from './mails.ts'
import { createPm2, type Pm2, waitForEnd } from './pm2.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const unreachable = 'postgres://fleet@127.0.0.1:1/fleet'

let pm2: Pm2
afterEach(() => pm2.remove())

async function usePm2(env: Record<string, string>): Promise<void> {
  pm2 = await createPm2(scene.installation.directory, env)
}

describe('the workers under PM2', () => {
  it('are online when both are ready, and a reload under load loses nothing and sends nothing twice', async () => {
    const server = await scene.startServer()
    await usePm2({ DATABASE_URL: scene.database.workerUrl, SMTP_URL: server.url })
    await pm2.run('start', 'ecosystem.config.cjs')
    const started = await pm2.list()
    expect(started).toMatchObject([
      { instance: 0, status: 'online', restarts: 0 },
      { instance: 1, status: 'online', restarts: 0 },
    ])
    expect((await pm2.logs()).filter(({ msg }) => msg === 'ready')).toHaveLength(2)

    await insertMails(scene.database.db, 3_000)
    await waitForMails(server, 100)
    await pm2.run('reload', 'fleet-email')
    expect(server.mails.length).toBeGreaterThan(100)
    const reloaded = await pm2.list()
    expect(reloaded).toMatchObject([
      { instance: 0, status: 'online', restarts: 1 },
      { instance: 1, status: 'online', restarts: 1 },
    ])
    for (const { pid } of started) expect(reloaded.map((instance) => instance.pid)).not.toContain(pid)
    await waitUntilSent(scene.database.db, 3_000)
    expect(duplicates(server)).toBe(0)
    expect(await attemptsOf(scene.database.db, 'sent')).toEqual([1])

    const logs = await pm2.logs()
    expect(logs.filter(({ msg }) => msg === 'stopped')).toHaveLength(2)
    expect(logs.filter(({ level }) => level !== 'info')).toEqual([])
    expect(await pm2.errors()).toBe('')
  })

  it('stop in good order when the daemon is killed', async () => {
    const server = await scene.startServer()
    await usePm2({ DATABASE_URL: scene.database.workerUrl, SMTP_URL: server.url })
    await pm2.run('start', 'ecosystem.config.cjs')
    const workers = await pm2.list()
    await insertMails(scene.database.db, 3_000)
    await waitForMails(server, 100)
    process.kill(pm2.daemonPid, 'SIGKILL')
    await waitForEnd(workers.map(({ pid }) => pid))
    const { sent = 0, pending = 0, ...others } = await countByStatus(scene.database.db)
    expect(others).toEqual({})
    expect(sent).toBe(server.mails.length)
    expect(sent + pending).toBe(3_000)
    expect(await attemptsOf(scene.database.db, 'pending')).toEqual([0])
    expect(duplicates(server)).toBe(0)
  })

  it('are not started again after a configuration error', async () => {
    await usePm2({ DATABASE_URL: scene.database.workerUrl })
    await pm2.run('start', 'ecosystem.config.cjs')
    const stays = { pid: 0, status: 'waiting restart', restarts: 0, exitCode: 78 }
    await expect.poll(() => pm2.list()).toMatchObject([stays, stays])
    expect(await pm2.run('describe', '0', '--no-color')).toMatch(/status +│ waiting restart/)
    expect(await pm2.list()).toMatchObject([stays, stays])
    expect((await pm2.errors()).match(/SMTP_URL: given nothing/g)).toHaveLength(2)
  })

  it('count as online after the listen timeout while they wait for their database', async () => {
    const server = await scene.startServer()
    const quick = `const { apps } = require('./ecosystem.config.cjs')
      module.exports = { apps: apps.map((app) => ({ ...app, instances: 1, listen_timeout: 4000 })) }`
    await writeFile(join(scene.installation.directory, 'quick.config.cjs'), quick)
    await usePm2({ DATABASE_URL: unreachable, SMTP_URL: server.url })
    const start = pm2.run('start', 'quick.config.cjs')
    await expect.poll(() => pm2.list()).toMatchObject([{ status: 'launching' }])
    await start
    expect(await pm2.list()).toMatchObject([{ status: 'online', restarts: 0 }])
    expect((await pm2.logs()).map(({ msg }) => msg)).toContain('waiting: the database cannot be used')
    await pm2.run('stop', 'fleet-email')
    expect(await pm2.list()).toMatchObject([{ status: 'stopped', pid: 0, exitCode: 0 }])
  })
})
