import { type Kysely, sql } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import { type Row, readLedger, type Tables } from '../evidence.ts'
import { directedStrikes } from '../faults/directed.ts'
import type { Queue, WorkerSettings } from '../queue.ts'
import { mailServerFaults } from './faults.ts'
import { mailProducer } from './mails.ts'
import { MailSink } from './sink.ts'

/** What no e-mail worker runs that uses a mail server. */
const elsewhere = new Set(['email/archive-store.ts', 'email/mailbox.ts'])

/** `email_queue`, and a mail server that counts. */
export const mailQueue: Queue<MailSink> = {
  name: 'mail',
  table: 'email_queue',
  script: 'workers/email.ts',
  rate: { most: 18, everyMs: 25 },
  faults: mailServerFaults,
  directed: {
    ...directedStrikes<MailSink>({
      rows: 60,
      async hinder({ sink }, lanes) {
        sink.misbehave({ at: 'rcpt', share: 1, act: (session) => session.stall() })
        return {
          isComplete: async () => sink.stalled === lanes,
          release: async () => sink.behave({ wake: true }),
        }
      },
    }),
    'record of recipients': {
      detail: 'nothing but recipients that are deferred',
      strike: async () => {},
    },
  },
  isDrainModule: (file) => /^(queue|email)\/[^/]+\.ts$/.test(file) && !elsewhere.has(file),
  createSink: (random) => new MailSink(() => random.next()),
  environment,
  createProducer: mailProducer,
  async clear(db) {
    await sql`TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers`.execute(db)
  },
  readTables,
  findOwnViolations: async () => [],
}

function environment(sink: MailSink, settings: WorkerSettings): Record<string, string> {
  const { connections, leaseSeconds, answerTimeoutMs } = settings
  const timeouts = new URLSearchParams(
    ['connectionTimeout', 'greetingTimeout', 'socketTimeout'].map((name) => [name, String(answerTimeoutMs)]),
  )
  return {
    SMTP_URL: `smtp://127.0.0.1:${sink.port}/?${timeouts}`,
    EMAIL_CONCURRENCY: String(connections),
    EMAIL_LEASE_SECONDS: String(leaseSeconds),
    EMAIL_BACKOFF: '200ms-1s',
  }
}

async function readTables(db: Kysely<DB>): Promise<Tables> {
  const { rows } = await sql<Row>`
    SELECT id, status, coalesce(message_id, '') AS key, rescues, last_error AS "lastError",
           array_remove(ARRAY[recipient_to, recipient_cc, recipient_bcc], NULL) AS pieces,
           array_remove(ARRAY[recipient_to, recipient_cc, recipient_bcc], NULL) AS refusable,
           when_ambiguous = 'hold' IS TRUE AS "mayBeHeld"
      FROM email_queue ORDER BY id`.execute(db)
  const names = { ledger: 'fleet.email_attempts', rowId: 'email_id', handovers: 'fleet.email_handovers' }
  return { rows, ...(await readLedger(db, names)) }
}
