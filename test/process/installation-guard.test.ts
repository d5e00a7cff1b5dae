import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { adoptDatabase } from '../../src/ops/adopt-database.ts'
import { listWorkers } from '../../src/ops/live-workers.ts'
import { startBotApiServer } from '../support/bot-api-server.ts'
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

it('a worker of another environment is well, says why it sends nothing, and sends once the database is adopted', async () => {
  const smtp = await startSmtpServer()
  onTestFinished(() => smtp.stop())
  const start = (environment: string) =>
    spawnWorker({
      directory: installation.directory,
      script: 'workers/email.ts',
      env: { DATABASE_URL: database.workerUrl, SMTP_URL: smtp.url, FLEET_ENVIRONMENT: environment },
    })
  const first = start('production')
  await first.ready()
  expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })

  await database.pool.query(`INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.org', 's', 'b')`)
  const worker = start('staging')
  await worker.ready()
  await worker.logged('nothing is sent: this is not the database that it is stamped as; see fleet adopt-database')
  expect(await listWorkers(database.db)).toMatchObject([
    {
      environment: 'staging',
      blocked:
        'not the database that it is stamped as: it is stamped as production, and FLEET_ENVIRONMENT here is staging',
    },
  ])
  expect(smtp.mails).toHaveLength(0)
  await adoptDatabase(database.db, { environment: 'staging', heldSince: undefined, actor: 'ann@host' })
  await expect.poll(() => smtp.mails.length, { timeout: 10_000 }).toBe(1)
  await worker.logged('the database fits its stamp: sending goes on')
  await expect.poll(() => listWorkers(database.db), { timeout: 10_000 }).toMatchObject([{ blocked: null }])
  expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
})

it('a bot takes nothing from Telegram beside a database of another environment, until it is adopted', async () => {
  const bot = await startBotApiServer()
  onTestFinished(() => bot.stop())
  await adoptDatabase(database.db, { environment: 'production', heldSince: undefined, actor: 'ann@host' })
  const worker = spawnWorker({
    directory: installation.directory,
    script: 'workers/notifications.ts',
    env: {
      ...{ DATABASE_URL: database.workerUrl, FLEET_ENVIRONMENT: 'staging' },
      ...{ TELEGRAM_BOT_TOKEN: bot.token, TELEGRAM_API_ROOT: bot.apiRoot },
    },
  })
  await worker.ready()
  const polls = () => bot.requests.filter(({ method }) => method === 'getUpdates')
  const heartbeat = async () => (await listWorkers(database.db))[0]?.heartbeatAt
  const first = await heartbeat()
  await expect.poll(heartbeat).not.toEqual(first)
  expect(polls()).toEqual([])
  await adoptDatabase(database.db, { environment: 'staging', heldSince: undefined, actor: 'ann@host' })
  await worker.logged('the bot answers those who write to it')
  expect(polls()).not.toEqual([])
})
