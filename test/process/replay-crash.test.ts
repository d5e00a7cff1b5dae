import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { countByStatus, duplicates, waitForMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const mails = 8_000

async function insertFailed(count: number): Promise<void> {
  await sql`
    INSERT INTO email_queue (recipient_to, subject, body, status)
    SELECT format('user%s@example.com', n), format('Mail %s', n), 'Hello', 'failed' FROM generate_series(1, ${count}::int) n`.execute(
    scene.database.db,
  )
}

function startReplay(...options: string[]) {
  const child = spawn(
    join(scene.installation.directory, 'bin/fleet'),
    ['email', 'replay', '--status', 'failed', '--yes', ...options],
    {
      cwd: scene.installation.directory,
      env: { PATH: process.env.PATH, USER: 'ann', DATABASE_URL: scene.database.workerUrl },
      stdio: 'ignore',
    },
  )
  const exit = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { kill: () => child.kill('SIGKILL'), exit }
}

async function itemsThat(state: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM fleet.replay_items WHERE state = ${state}`.execute(scene.database.db)
  return rows[0]?.count ?? 0
}

it('a replay whose command and whose worker are killed midway loses nothing and doubles nothing', async () => {
  const server = await scene.startServer()
  const startLifecycle = () => scene.startWorker(server.url, { script: 'workers/lifecycle.ts' })
  await insertFailed(mails)
  const command = startReplay()
  await expect.poll(() => itemsThat('replayed')).toBeGreaterThan(0)
  command.kill()
  await command.exit
  const killed = startLifecycle()
  await killed.ready()
  await killed.stop('SIGKILL')
  const email = scene.startWorker(server.url)
  await email.ready()
  await waitForMails(server, 1)
  await startLifecycle().ready()
  await expect.poll(() => itemsThat('waiting')).toBe(0)
  await waitUntilSent(scene.database.db, mails)
  expect(duplicates(server)).toBe(0)
  expect(server.mails).toHaveLength(mails)
})

it('the same command twice at once sends each mail once', async () => {
  await sql`TRUNCATE fleet.replays, fleet.replay_items`.execute(scene.database.db)
  const server = await scene.startServer()
  await insertFailed(500)
  await Promise.all([startReplay('--include-sent').exit, startReplay('--include-sent').exit])
  await scene.startWorker(server.url).ready()
  await waitUntilSent(scene.database.db, 500)
  expect(server.mails).toHaveLength(500)
  expect(await countByStatus(scene.database.db)).toEqual({ sent: 500 })
})
