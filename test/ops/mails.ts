import type { Insertable, Kysely } from 'kysely'
import type { DB, EmailQueue, FleetEmailAttempts } from '../../src/db/schema.ts'
import { archiveBatch, endedStatuses, readMailColumns } from '../../src/email/archive-store.ts'

/** Inserts one mail, with whatever the test is about, and answers its id. Nothing but the stamp of arrivals comes in between. */
export async function insertMail(db: Kysely<DB>, mail: Partial<Insertable<EmailQueue>> = {}): Promise<number> {
  const { id } = await db
    .insertInto('email_queue')
    .values({ recipient_to: 'ann@example.org', subject: 'Hello', body: 'Text', ...mail })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Adds one attempt to the ledger of a mail. */
export async function insertAttempt(
  db: Kysely<DB>,
  attempt: Partial<Insertable<FleetEmailAttempts>> & { readonly email_id: number },
): Promise<void> {
  await db
    .insertInto('fleet.email_attempts')
    .values({ attempt: 1, token: '1', outcome: 'sent', ...attempt })
    .execute()
}

export async function statusOf(db: Kysely<DB>, id: number): Promise<string | null> {
  const { status } = await db.selectFrom('email_queue').select('status').where('id', '=', id).executeTakeFirstOrThrow()
  return status
}

/** Moves all mail that has ended into the archive, whenever that was. */
export async function archiveEnded(db: Kysely<DB>): Promise<void> {
  const { kept: columns } = await readMailColumns(db)
  const untilAnyTime = { columns, before: 'infinity', from: '-infinity', size: 100_000 }
  for (const status of endedStatuses) await archiveBatch(db, { status, ...untilAnyTime })
}

/** Inserts a mail that is archived, as it was when it ended, and answers its id. */
export async function insertArchived(db: Kysely<DB>, mail: Partial<Insertable<EmailQueue>> = {}): Promise<number> {
  const id = await insertMail(db, { status: 'failed', ...mail })
  await archiveEnded(db)
  return id
}
