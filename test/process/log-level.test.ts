import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
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

it('SIGUSR2 makes a running worker say more, the next one takes that back, and secrets stay out of it', async () => {
  const smtp = await startSmtpServer({ mail: () => '450 4.3.2 Not now' })
  onTestFinished(() => smtp.stop())
  const url = new URL(smtp.url)
  url.username = 'fleet'
  url.password = 'secret-of-the-test'
  const worker = spawnWorker({
    directory: installation.directory,
    script: 'workers/email.ts',
    env: { DATABASE_URL: database.workerUrl, SMTP_URL: url.href, LOG_LEVEL: 'warn' },
  })
  await worker.ready()
  worker.signal('SIGUSR2')
  expect(await worker.logged('SIGUSR2: log level changed')).toMatchObject({ logLevel: 'debug' })
  await database.pool.query(
    `INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.org', 's', 'words of the mail')`,
  )
  expect(await worker.logged('email not sent; attempt given back')).toMatchObject({ level: 'debug' })
  const before = worker.logs.length
  worker.signal('SIGUSR2')
  await expect.poll(() => worker.logs.slice(before)).toContainEqual(expect.objectContaining({ logLevel: 'warn' }))
  expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  const after = worker.logs.slice(worker.logs.findLastIndex(({ msg }) => msg === 'SIGUSR2: log level changed') + 1)
  expect(after.filter(({ level }) => level === 'info' || level === 'debug')).toEqual([])
  expect(JSON.stringify(worker.logs)).not.toMatch(/secret-of-the-test|words of the mail/)
})
