import { type Kysely, sql } from 'kysely'
import { expect } from 'vitest'
import type { DB } from '../../src/db/schema.ts'
import type { TestSmtpServer } from '../support/smtp-server.ts'

/** As another program does it: one plain statement. */
export async function insertMails(db: Kysely<DB>, count: number): Promise<void> {
  await sql`
    INSERT INTO email_queue (recipient_to, subject, body)
    SELECT format('user%s@example.com', n), format('Mail %s', n), 'Hello' FROM generate_series(1, ${count}::int) n`.execute(
    db,
  )
}

/** How many rows have each status. */
export async function countByStatus(db: Kysely<DB>): Promise<Record<string, number>> {
  const { rows } = await sql<{ status: string; count: number }>`
    SELECT status, count(*)::int AS count FROM email_queue GROUP BY status`.execute(db)
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

/** The different numbers of attempts that rows of this status have, in order. */
export async function attemptsOf(db: Kysely<DB>, status: string): Promise<number[]> {
  const { rows } = await sql<{ attempts: number }>`
    SELECT DISTINCT attempts FROM email_queue WHERE status = ${status} ORDER BY attempts`.execute(db)
  return rows.map(({ attempts }) => attempts)
}

/** How often mails arrived a second time: the Message-ID is the same on every attempt. */
export function duplicates({ mails }: TestSmtpServer): number {
  return mails.length - new Set(mails.map((mail) => mail.header('message-id'))).size
}

export function waitUntilSent(db: Kysely<DB>, count: number): Promise<void> {
  return expect.poll(() => countByStatus(db)).toEqual({ sent: count })
}

/** Waits until the server has taken that many. */
export function waitForMails(server: TestSmtpServer, count: number): Promise<void> {
  return expect.poll(() => server.mails.length).toBeGreaterThanOrEqual(count)
}
