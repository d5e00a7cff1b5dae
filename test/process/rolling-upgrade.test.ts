import { mkdtemp, realpath, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { listLiveWorkers } from '../../src/ops/live-workers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { spawnWorker } from '../support/processes.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase
let releases: { readonly old: Installation; readonly next: Installation }
beforeAll(async () => {
  database = await createTestDatabase()
  releases = { old: await createInstallation(), next: await createInstallation() }
})
afterAll(async () => {
  await releases.old.remove()
  await releases.next.remove()
  await database.drop()
})

it('a new release starts beside the old one, takes over, and is rolled back, with every mail sent once', {
  timeout: 120_000,
}, async () => {
  const smtp = await startSmtpServer({ message: () => delay(3, undefined) })
  onTestFinished(() => smtp.stop())
  const folder = await mkdtemp(join(tmpdir(), 'fleet-releases-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const current = join(folder, 'current')
  const pointTo = async ({ directory }: Installation) => {
    await symlink(directory, join(folder, 'next'))
    await rename(join(folder, 'next'), current)
  }
  const start = async () => {
    const worker = spawnWorker({
      directory: current,
      script: 'workers/email.ts',
      env: { DATABASE_URL: database.workerUrl, SMTP_URL: smtp.url },
    })
    await worker.ready()
    return worker
  }
  let queued = 0
  const queue = (count: number) => {
    queued += count
    return database.pool.query(
      `INSERT INTO email_queue (recipient_to, subject, body) SELECT format('a%s@example.org', n), 's', 'b' FROM generate_series($1::int, $2::int) AS n`,
      [queued - count + 1, queued],
    )
  }
  const someMore = async () => {
    const before = smtp.mails.length
    await queue(300)
    await vi.waitUntil(() => smtp.mails.length > before + 50, { timeout: 30_000, interval: 5 })
  }

  await pointTo(releases.old)
  const first = await start()
  await someMore()

  // The new release has one more migration, which the old one does not know.
  await database.pool.query(`
    INSERT INTO fleet.migrations (name, checksum) VALUES ('29990101000000_add_something', repeat('0', 64));
    ALTER TABLE email_queue ADD COLUMN something text`)
  await pointTo(releases.next)
  const second = await start()
  expect(await realpath(current)).toBe(await realpath(releases.next.directory))
  await someMore()
  expect(await listLiveWorkers(database.db)).toHaveLength(2)
  expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  await someMore()

  // Back again, on the schema of the new release.
  await pointTo(releases.old)
  const third = await start()
  await someMore()
  expect(await second.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  await someMore()
  await vi.waitUntil(() => smtp.mails.length >= queued, { timeout: 60_000 })
  expect(await third.stop('SIGTERM')).toEqual({ code: 0, signal: null })

  expect(smtp.mails.map(({ to }) => to[0]).sort()).toEqual(
    Array.from({ length: queued }, (_, n) => `a${n + 1}@example.org`).sort(),
  )
  const { rows } = await database.pool.query('SELECT DISTINCT status, attempts FROM email_queue')
  expect(rows).toEqual([{ status: 'sent', attempts: 1 }])
  const { rows: workers } = await database.pool.query(
    'SELECT count(DISTINCT worker)::int AS count FROM fleet.email_attempts',
  )
  expect(workers).toEqual([{ count: 3 }])
})
