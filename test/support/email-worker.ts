import { pino } from 'pino'
import { createEmailDrain, type EmailDrainOptions } from '../../src/email/email-drain.ts'
import { Vitals } from '../../src/runtime/vitals.ts'
import type { TestDatabase } from './database.ts'

export interface TestWorkerOptions extends Partial<EmailDrainOptions['email']> {
  readonly smtpUrl: string
  readonly mailbox?: string
  readonly firstPauseMs?: number
  readonly owner?: string
  readonly shutdownSeconds?: number
  readonly vitals?: Vitals
  readonly environment?: string
}

/** The e-mail worker's own parts on a test's database, without the process around it. TEST_LOG shows its log. */
export function createTestWorker(database: TestDatabase, options: TestWorkerOptions) {
  const {
    smtpUrl,
    mailbox = '',
    firstPauseMs = 50,
    owner = 'test',
    shutdownSeconds = 5,
    vitals = new Vitals(),
    environment,
    ...email
  } = options
  return createEmailDrain({
    database,
    owner,
    smtpUrl,
    mailbox,
    firstPauseMs,
    defaultLocale: 'ru',
    environment,
    shutdownSeconds,
    vitals,
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    email: {
      from: { name: 'Vertex AR', address: 'no-reply@vertex.example' },
      concurrency: 5,
      leaseSeconds: 60,
      pollSeconds: 0.2,
      maxBytes: 10_000_000,
      holdAmbiguous: [],
      backoff: { firstMs: 120_000, lastMs: 14_400_000 },
      dkim: undefined,
      sandbox: { overrideTo: undefined, allowlist: undefined },
      ...email,
    },
  })
}
