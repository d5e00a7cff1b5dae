import { type Kysely, sql } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import { type Row, readLedger, type Tables } from '../evidence.ts'
import type { Queue, WorkerSettings } from '../queue.ts'
import { findOwnViolations } from './checks.ts'
import { noticeStrikes } from './directed.ts'
import { botFaults } from './faults.ts'
import { insertCompanies, noticeProducer } from './notices.ts'
import { BotSink } from './sink.ts'

/** What the worker does not run with a Bot API server and nothing else, and what no notice depends on. */
const elsewhere = /^notifications\/(channels\/(sms\/.*|outbox)|worker|(daily-)?digest-mail.*)\.ts$/

/** `notifications`, and a Bot API server that counts. */
export const notificationQueue: Queue<BotSink> = {
  name: 'notifications',
  table: 'notifications',
  script: 'workers/notifications.ts',
  rate: { most: 8, everyMs: 75 },
  faults: botFaults,
  directed: noticeStrikes,
  isDrainModule: (file) => /^(queue|notifications|telegram)\/.+\.ts$/.test(file) && !elsewhere.test(file),
  createSink: (random) => new BotSink(() => random.next()),
  environment,
  createProducer: noticeProducer,
  clear,
  readTables,
  findOwnViolations,
}

/** Limits that nothing here comes near to: what they do is tried elsewhere. */
function environment(sink: BotSink, { connections, leaseSeconds }: WorkerSettings): Record<string, string> {
  return {
    ...sink.environment,
    TELEGRAM_PER_SECOND: '10000',
    TELEGRAM_CHAT_PER_SECOND: '1000',
    TELEGRAM_CHAT_BURST: '100',
    TELEGRAM_GROUP_PER_MINUTE: '1000',
    NOTIFICATIONS_CONCURRENCY: String(connections),
    NOTIFICATIONS_LEASE_SECONDS: String(leaseSeconds),
    NOTIFICATIONS_BACKOFF: '200ms-1s',
  }
}

async function clear(db: Kysely<DB>): Promise<void> {
  await sql`
    TRUNCATE notifications, fleet.notification_attempts, fleet.notification_handovers, fleet.telegram_chats, email_queue,
             fleet.email_attempts, fleet.email_handovers`.execute(db)
  await sql`UPDATE fleet.channels SET paused_until = NULL, strikes = 0, next_at = NULL`.execute(db)
  await insertCompanies(db)
}

async function readTables(db: Kysely<DB>): Promise<Tables> {
  const { rows } = await sql<Row>`
    SELECT id, rescues, last_error AS "lastError", event_data ->> 'key' AS key, event_data -> 'pieces' AS pieces,
           CASE WHEN type = 'email' AND status = 'sending' AND leased_until = 'infinity' THEN 'handed on' ELSE status END AS status,
           event_data -> 'pieces' || to_jsonb(format('chat %s', recipient)) AS refusable,
           when_ambiguous = 'hold' IS TRUE AS "mayBeHeld"
      FROM notifications ORDER BY id`.execute(db)
  const names = {
    ledger: 'fleet.notification_attempts',
    rowId: 'notification_id',
    handovers: 'fleet.notification_handovers',
  }
  return { rows, ...(await readLedger(db, names)) }
}
