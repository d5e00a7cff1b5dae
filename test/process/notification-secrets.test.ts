import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { botAnswers, refusal } from '../support/bot-api-answers.ts'
import { type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { spawnWorker } from '../support/processes.ts'

// Three workers start one after the other.
vi.setConfig({ testTimeout: 180_000 })

const twilio = { account: `AC${'0'.repeat(32)}`, token: 'twilio-secret-of-the-test' }
const gatewayKey = 'gateway-secret-of-the-test'

let database: TestDatabase
let installation: Installation
let server: BotApiServer
beforeAll(async () => {
  database = await createTestDatabase()
  installation = await createInstallation()
  server = await startBotApiServer()
})
afterAll(async () => {
  await server.stop()
  await installation.remove()
  await database.drop()
})

/** What Telegram, and what is on the way there, can say that is worst for a token: some repeat the address that was asked for. */
function worst(chatId: string) {
  const echo = `no such path: /bot${server.token}/sendMessage at ${server.apiRoot}`
  const answers = [
    refusal(401, `Unauthorized: ${server.token}`),
    refusal(400, `Bad Request: ${echo}`),
    refusal(403, `Forbidden: ${echo}`),
    { status: 502, body: `<html><body>${echo}</body></html>` },
    { status: 403, body: `<html><body>${echo}</body></html>` },
    { status: 200, body: `<html>${echo}</html>` },
    botAnswers.brokenJson,
    botAnswers.resetBefore,
    botAnswers.resetAfter,
    botAnswers.throttled(1),
  ]
  return answers[Number(chatId) % answers.length]
}

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    DATABASE_URL: database.workerUrl,
    LOG_LEVEL: 'trace',
    TELEGRAM_BOT_TOKEN: server.token,
    TELEGRAM_API_ROOT: server.apiRoot,
    NOTIFICATIONS_BACKOFF: '50ms-100ms',
    TWILIO_ACCOUNT_SID: twilio.account,
    TWILIO_AUTH_TOKEN: twilio.token,
    TWILIO_FROM: '+15005550006',
    TWILIO_API_ROOT: 'http://127.0.0.1:1',
    ...more,
  }
}

/** Everything that a command prints, whatever it ends with. */
function fleet(...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, ...environment({ DATABASE_URL: database.url }) }
  return new Promise((resolve) => {
    execFile(join(installation.directory, 'bin/fleet'), args, { env }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}${error?.message ?? ''}`),
    )
  })
}

async function everythingInTheDatabase(): Promise<string> {
  const tables = [
    'notifications',
    'fleet.notification_attempts',
    'fleet.channels',
    'fleet.telegram_chats',
    'pgboss.job',
  ]
  const read = tables.map(async (table) => (await database.pool.query(`SELECT t::text FROM ${table} AS t`)).rows)
  return JSON.stringify(await Promise.all(read))
}

/** Runs a worker over notifications of each kind until each was tried; answers all that it wrote. */
async function output(env: Record<string, string>, ends: () => Promise<boolean>): Promise<string> {
  const worker = spawnWorker({ directory: installation.directory, script: 'workers/notifications.ts', env })
  await worker.ready()
  await expect.poll(ends).toBe(true)
  await worker.stop('SIGTERM')
  return JSON.stringify(worker.logs) + (await worker.stderr)
}

async function tell(chats: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO notifications (type, subject, message, event_data, max_attempts)
     SELECT 'telegram', 's', 'm', jsonb_build_object('chat_id', chat), 2 FROM generate_series(0, $1 - 1) AS chat
      UNION ALL
     SELECT 'sms', 's', 'm', '{"phone": "+79120000000"}', 1`,
    [chats],
  )
}

/** Each was tried, and what the bot's token stops is still waiting. */
const tried = (outcomes: readonly string[]) => async () => {
  const found = await database.pool.query('SELECT DISTINCT outcome FROM fleet.notification_attempts')
  const seen = new Set(found.rows.map(({ outcome }) => outcome))
  return outcomes.every((outcome) => seen.has(outcome))
}

test('no token is in a log, an error, the ledger or what a command prints, whatever Telegram and providers answer', async () => {
  server.follow((request) => (request.method.startsWith('send') ? worst(request.chatId) : refusal(401, server.token)))
  await tell(10)
  const all = ['outage', 'hard_failure', 'soft_failure', 'ambiguous', 'throttled']
  const shown = [await output(environment(), tried(all))]

  // Nobody listens, and no such host.
  for (const root of ['http://127.0.0.1:1', 'http://bot-api.invalid']) {
    await database.pool.query(`
      TRUNCATE notifications, fleet.notification_attempts; UPDATE fleet.channels SET paused_until = NULL, strikes = 0`)
    await tell(2)
    const gateway = `${root}/send?key=${gatewayKey}&to={to}&text={text}`
    const env = environment({ TELEGRAM_API_ROOT: root, SMS_GATEWAY_URL: gateway })
    const { TWILIO_ACCOUNT_SID: _sid, TWILIO_AUTH_TOKEN: _token, TWILIO_FROM: _from, ...gatewayOnly } = env
    shown.push(await output(gatewayOnly, tried(['soft_failure'])))
    shown.push(await everythingInTheDatabase())
  }

  shown.push(await fleet('notification', 'list', '--json'), await fleet('notification', 'show', '1', '--json'))
  shown.push(await fleet('company', 'link-telegram', '1', '--json'), await fleet('status', '--json'))
  shown.push(await fleet('company', 'link-telegram', '999999'), await fleet('doctor'))
  for (const secret of [server.token, server.token.split(':')[1] ?? '', twilio.token, gatewayKey]) {
    for (const text of shown) expect(text.split(secret).length - 1, text.slice(0, 200)).toBe(0)
  }
})

test('a token that is none is refused without being shown', async () => {
  const token = 'not-a-token-but-secret'
  const worker = spawnWorker({
    directory: installation.directory,
    script: 'workers/notifications.ts',
    env: environment({ TELEGRAM_BOT_TOKEN: token }),
  })
  expect(await worker.exit).toEqual({ code: 78, signal: null })
  const said = await worker.stderr
  expect(said).toContain('TELEGRAM_BOT_TOKEN')
  expect(said).not.toContain(token)
})
