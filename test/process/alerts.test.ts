import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import type { BotApiServer } from '../support/bot-api-server.ts'
import { spawnWorker } from '../support/processes.ts'
import type { TestSmtpServer } from '../support/smtp-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { setScene } from './scene.ts'

const scene = setScene()

/** Incidents take minutes. The installation under test looks, and loses patience, a hundred times as fast. */
beforeAll(async () => {
  await hasten('src/alerts/watch.ts', [
    ['everyMs = 30_000', 'everyMs = 300'],
    ['leastSeconds = 25', 'leastSeconds = 0'],
  ])
  await hasten('src/alerts/assess.ts', [
    ['outage: 60_000', 'outage: 600'],
    ["'no-worker-alive': 90_000", "'no-worker-alive': 900"],
    ["'database-unreachable': 90_000", "'database-unreachable': 900"],
    ['clearMs = 60_000', 'clearMs = 600'],
  ])
})
beforeEach(() =>
  scene.database.pool.query('TRUNCATE fleet.alerts, fleet.alert_samples, fleet.alert_watch, fleet.workers'),
)

async function hasten(file: string, changes: readonly (readonly [string, string])[]): Promise<void> {
  const path = join(scene.installation.directory, file)
  let text = await readFile(path, 'utf8')
  for (const [usual, fast] of changes) {
    expect(text).toContain(usual)
    text = text.replace(usual, fast)
  }
  await writeFile(path, text)
}

interface Reach {
  readonly smtpUrl: string
  readonly bot: BotApiServer
  readonly databaseUrl?: string
}

function start(name: 'email' | 'notifications' | 'lifecycle', { smtpUrl, bot, databaseUrl }: Reach) {
  return spawnWorker({
    directory: scene.installation.directory,
    script: `workers/${name}.ts`,
    env: {
      ...{ DATABASE_URL: databaseUrl ?? scene.database.workerUrl, SMTP_URL: smtpUrl, DEFAULT_LOCALE: 'en' },
      ...{ ADMIN_EMAIL: 'admin@example.org', ADMIN_TELEGRAM_CHAT_ID: '-100500' },
      ...{ TELEGRAM_BOT_TOKEN: bot.token, TELEGRAM_API_ROOT: bot.apiRoot },
      // Alerts are to arrive whatever becomes of other mail.
      ...{ EMAIL_OVERRIDE_TO: 'qa@example.org', EMAIL_ALLOWLIST: '@elsewhere.example' },
    },
  })
}

const patient = { timeout: 30_000 }

/** Of messages in the chat and mails that the administrator has got: the first lines of those about this. */
function told(about: string, bot: BotApiServer): string[] {
  return bot.taken
    .map(({ payload }) => String(payload.text).split('\n')[0] ?? '')
    .filter((line) => line.includes(about))
}

function mailed(about: string, servers: readonly TestSmtpServer[]): string[] {
  const mails = servers.flatMap((server) => server.mails.filter(({ to }) => to.includes('admin@example.org')))
  const subjects = mails.map((mail) => mail.header('subject') ?? '')
  return subjects.filter((subject) => subject.includes(about))
}

it('Telegram tells that the mail server is dead, by one of several workers, and both that it is back', async () => {
  const dead = await scene.startServer()
  await dead.stop()
  const bot = await scene.startBotServer()
  const reach = { smtpUrl: dead.url, bot }
  const workers = [start('email', reach), start('email', reach), start('lifecycle', reach)]
  await Promise.all(workers.map((worker) => worker.ready()))
  await scene.database.pool.query(
    `INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.org', 's', 'b')`,
  )
  const about = 'The mail server takes nothing'
  await expect.poll(() => told(about, bot), patient).toEqual([`<b>[fleet] ${about}</b>`])
  const back = await scene.startServer({ port: dead.port })
  await expect
    .poll(() => told(about, bot), patient)
    .toEqual([`<b>[fleet] ${about}</b>`, `<b>[fleet] Over: ${about}</b>`])
  await expect.poll(() => mailed(about, [back]).at(-1), patient).toBe(`[fleet] Over: ${about}`)
  expect(mailed(about, [back]).length).toBeLessThanOrEqual(2)
  expect(await workers[0]?.stop('SIGTERM')).toEqual({ code: 0, signal: null })
}, 120_000)

it('another worker tells that the lifecycle worker is dead, and that one is alive again', async () => {
  const smtp = await scene.startServer()
  const bot = await scene.startBotServer()
  const reach = { smtpUrl: smtp.url, bot }
  const [email, lifecycle] = [start('email', reach), start('lifecycle', reach)]
  await Promise.all([email.ready(), lifecycle.ready()])
  await lifecycle.stop('SIGKILL')
  const about = 'No lifecycle worker is alive'
  await expect.poll(() => told(about, bot), { timeout: 60_000 }).toEqual([`<b>[fleet] ${about}</b>`])
  await expect.poll(() => mailed(about, [smtp]), patient).toEqual([`[fleet] ${about}`])
  await start('lifecycle', reach).ready()
  await expect.poll(() => told(about, bot), patient).toContain(`<b>[fleet] Over: ${about}</b>`)
}, 180_000)

it('the lifecycle worker alone tells that the database is out of reach, and that it is back', async () => {
  const smtp = await scene.startServer()
  const bot = await scene.startBotServer()
  const target = Number(new URL(scene.database.workerUrl).port)
  const proxy = await startTcpProxy(target)
  const url = new URL(scene.database.workerUrl)
  url.host = `127.0.0.1:${proxy.port}`
  const databaseUrl = url.href
  const reach = { smtpUrl: smtp.url, bot, databaseUrl }
  const workers = [start('email', reach), start('lifecycle', reach)]
  await Promise.all(workers.map((worker) => worker.ready()))
  await proxy.stop()
  const about = 'The database is out of reach'
  await expect.poll(() => told(about, bot), patient).toEqual([`<b>[fleet] ${about}</b>`])
  await expect.poll(() => mailed(about, [smtp]), patient).toEqual([`[fleet] ${about}`])
  const back = await startTcpProxy(target, { port: proxy.port })
  onTestFinished(() => back.stop())
  await expect
    .poll(() => told(about, bot), patient)
    .toEqual([`<b>[fleet] ${about}</b>`, `<b>[fleet] Over: ${about}</b>`])
}, 120_000)
