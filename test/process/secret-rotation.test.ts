import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { listWorkers } from '../../src/ops/live-workers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { spawnWorker } from '../support/processes.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase
let installation: Installation
beforeAll(async () => {
  database = await createTestDatabase()
  installation = await createInstallation()
})
afterAll(async () => {
  await installation.remove()
  await database.drop()
})

it('the password of the mail server is rotated under load, even before the workers know, with every mail sent once and no attempt lost', {
  timeout: 120_000,
}, async () => {
  const passwords = new Set(['old'])
  const smtp = await startSmtpServer({
    options: {
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) =>
        passwords.has(password ?? '') ? done(null, { user: 'fleet' }) : done(new Error('Invalid credentials')),
    },
  })
  onTestFinished(() => smtp.stop())
  const folder = await mkdtemp(join(tmpdir(), 'fleet-secrets-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'smtp_url')
  const replaceFile = async (password: string) => {
    await writeFile(`${file}.next`, `smtp://fleet:${password}@127.0.0.1:${smtp.port}\n`, { mode: 0o600 })
    await rename(`${file}.next`, file)
  }
  const start = async () => {
    const worker = spawnWorker({
      directory: installation.directory,
      script: 'workers/email.ts',
      env: { DATABASE_URL: database.workerUrl, SMTP_URL_FILE: file },
    })
    await worker.ready()
    return worker
  }
  let queued = 0
  const queue = async (count: number) => {
    await database.pool.query(
      `INSERT INTO email_queue (recipient_to, subject, body) SELECT format('a%s@example.org', n), 's', 'b' FROM generate_series($1::int, $2::int) AS n`,
      [queued + 1, queued + count],
    )
    queued += count
  }

  await replaceFile('old')
  const first = await start()
  await queue(200)
  await vi.waitUntil(() => smtp.mails.length === queued, { timeout: 30_000 })

  // In order: the server takes both, then the worker is restarted, then the old one goes.
  passwords.add('new')
  await queue(200)
  await replaceFile('new')
  const second = await start()
  expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  passwords.delete('old')
  await queue(200)
  await vi.waitUntil(() => smtp.mails.length === queued, { timeout: 30_000 })

  // Out of order: the server knows only the next one, and the worker not yet. Its connections end with the login.
  expect(await second.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  const third = await start()
  passwords.clear()
  passwords.add('newest')
  await queue(50)
  await vi.waitUntil(async () => (await listWorkers(database.db)).some(({ outage }) => outage !== null), {
    timeout: 30_000,
  })
  await replaceFile('newest')
  const fourth = await start()
  await vi.waitUntil(() => smtp.mails.length === queued, { timeout: 60_000 })
  expect(await third.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(await fourth.stop('SIGTERM')).toEqual({ code: 0, signal: null })

  expect(new Set(smtp.mails.map(({ to }) => to[0])).size).toBe(queued)
  expect(smtp.mails).toHaveLength(queued)
  const { rows } = await database.pool.query('SELECT DISTINCT status, attempts FROM email_queue')
  expect(rows).toEqual([{ status: 'sent', attempts: 1 }])
  const logged = JSON.stringify([first, second, third, fourth].flatMap(({ logs }) => logs))
  expect(logged).not.toMatch(/fleet:(old|new|newest)@/)
})
