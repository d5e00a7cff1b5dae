import { pino } from 'pino'
import { keepPartitions } from '../../src/maintenance/partitions.ts'
import { type Arena, closeAsTemplate } from '../support/arena.ts'

const chunk = 50_000

/** Makes a database in which so many mails were sent over the last 90 days, with the ledger of their attempts. Answers its name. */
export async function makeHistory(arena: Arena, rows: number): Promise<string> {
  const database = await arena.createFleetDatabase()
  const { pool } = database
  await keepPartitions({ db: database.db, signal: new AbortController().signal, log: pino({ level: 'silent' }) })
  for (let first = 1; first <= rows; first += chunk) {
    const last = Math.min(rows, first + chunk - 1)
    const age = `(${rows} - n) * interval '90 days' / ${rows}`
    await pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, html, status, attempts, sent_at, message_id, recipients, updated_at)
      SELECT format('user%s@example%s.com', n, n % 50), format('The subscription of project %s', n), repeat('text ', 40),
             repeat('<p>html</p>', 40), 'sent', 1, fleet.utc_now() - ${age}, format('<%s.1@example.com>', n),
             jsonb_build_object(format('user%s@example%s.com', n, n % 50), '{"state": "accepted", "reply": "250 ok"}'::jsonb),
             fleet.utc_now() - ${age}
        FROM generate_series(${first}, ${last}) n`)
    await pool.query(`
      INSERT INTO fleet.email_attempts
             (email_id, attempt, token, worker, claimed_at, handed_over_at, ended_at, outcome, smtp_code, enhanced_code, reply, transport,
              duration_ms)
      SELECT n, 1, n, 'email@history:1', now() - ${age}, now() - ${age}, now() - ${age}, 'sent', 250, '2.0.0', '250 2.0.0 ok',
             'smtp://mail.example.com', 5
        FROM generate_series(${first}, ${last}) n`)
  }
  await pool.query(`SELECT setval('fleet.claim_token_seq', ${rows})`)
  await pool.query('VACUUM ANALYZE')
  return closeAsTemplate(arena.cluster, database)
}
