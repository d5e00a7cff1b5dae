import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { type BotApiOptions, type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { type SpawnedWorker, type SpawnOptions, spawnWorker } from '../support/processes.ts'
import { type SmtpScript, startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts'

export interface Scene {
  readonly database: TestDatabase
  readonly installation: Installation
  /** Stopped when the test ends. */
  startServer(script?: SmtpScript): Promise<TestSmtpServer>
  /** Killed when the test ends. */
  startWorker(smtpUrl: string, options?: Partial<SpawnOptions>): SpawnedWorker
  /** Stopped when the test ends. */
  startBotServer(options?: BotApiOptions): Promise<BotApiServer>
  /** Killed when the test ends. */
  startNotificationsWorker(env: Readonly<Record<string, string>>): SpawnedWorker
}

/** What the tests of a file share: a database, empty of messages before each test, and a copy of the project without `.env`. */
export function setScene(): Scene {
  let database: TestDatabase
  let installation: Installation
  beforeAll(async () => {
    database = await createTestDatabase()
    installation = await createInstallation()
  })
  afterAll(async () => {
    await database.drop()
    await installation.remove()
  })
  beforeEach(() =>
    sql`
      TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers, notifications, fleet.notification_attempts,
               fleet.notification_handovers RESTART IDENTITY`.execute(database.db),
  )
  return {
    get database() {
      return database
    },
    get installation() {
      return installation
    },
    async startServer(script) {
      const server = await startSmtpServer(script)
      onTestFinished(() => server.stop())
      return server
    },
    startWorker(smtpUrl, { env, ...options } = {}) {
      const all = { DATABASE_URL: database.workerUrl, SMTP_URL: smtpUrl, ...env }
      return spawnWorker({ directory: installation.directory, env: all, ...options })
    },
    async startBotServer(options) {
      const server = await startBotApiServer(options)
      onTestFinished(() => server.stop())
      return server
    },
    startNotificationsWorker(env) {
      const all = { DATABASE_URL: database.workerUrl, LOG_LEVEL: 'warn', ...env }
      return spawnWorker({ directory: installation.directory, script: 'workers/notifications.ts', env: all })
    },
  }
}
