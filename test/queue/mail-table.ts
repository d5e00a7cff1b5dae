import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, vi } from 'vitest'
import { type EmailRow, emailTable } from '../../src/email/store.ts'
import { giveBack } from '../../src/queue/drain.ts'
import type { AttemptResult, LeasedTable } from '../../src/queue/leased-table.ts'
import type { Settlement } from '../../src/queue/settlement.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** What the tests of the leased table share: a database, empty before each test, in which no lease is spared any more. */
export function setMailTable() {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    // Right after the server has started no lease is over.
    const grace = `SELECT now() > pg_postmaster_start_time() + interval '5 s' AS "isOver"`
    await vi.waitUntil(async () => (await database.pool.query(grace)).rows[0].isOver, { timeout: 10_000 })
  })
  afterAll(() => database.drop())
  beforeEach(() =>
    sql`TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers RESTART IDENTITY`.execute(database.db),
  )

  return {
    get database() {
      return database
    },
    workerOf(owner: string, holdAmbiguous: readonly string[] | 'all' = []): LeasedTable<EmailRow> {
      return emailTable(database, { owner, leaseSeconds: 60, messageIdDomain: 'vertex.example', holdAmbiguous })
    },
    async insert(columns = '', values = ''): Promise<void> {
      await database.pool.query(
        `INSERT INTO email_queue (recipient_to, subject, body${columns}) VALUES ('a@x.example', 's', 'b'${values})`,
      )
    },
    read(id = 1) {
      return database.db.selectFrom('email_queue').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    },
    async endLeases(): Promise<void> {
      await database.pool.query(
        `UPDATE email_queue SET leased_until = now() - interval '1 second' WHERE status = 'sending'`,
      )
    },
    async marks(): Promise<string[]> {
      const rows = await database.db.selectFrom('fleet.email_handovers').select('token').execute()
      return rows.map(({ token }) => token)
    },
    ledger() {
      return database.db.selectFrom('fleet.email_attempts').selectAll().orderBy('ended_at').execute()
    },
  }
}

export async function claimOneFrom(table: LeasedTable<EmailRow>): Promise<EmailRow> {
  const { rows } = await table.claim({ limit: 1 })
  const [row] = rows
  if (!row) throw new Error('nothing was claimed')
  return row
}

export function resultOf(row: EmailRow, settlement: Settlement, details: object = {}): AttemptResult {
  return { ...giveBack(row), settlement, details: { ...details }, delivered: { ...details } }
}

export const pending = {
  status: 'pending',
  delayMs: 60_000,
  giveBack: false,
  errorClass: 'mailbox_full',
  reason: 'full',
} as const
