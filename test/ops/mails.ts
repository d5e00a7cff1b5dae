import type { Insertable, Kysely } from 'kysely'
import type { DB, EmailQueue } from '../../src/db/schema.ts'

/** Inserts one mail, with whatever the test is about, and answers its id. Nothing but the stamp of arrivals comes in between. */
export async function insertMail(db: Kysely<DB>, mail: Partial<Insertable<EmailQueue>> = {}): Promise<number> {
  const { id } = await db
    .insertInto('email_queue')
    .values({ recipient_to: 'ann@example.org', subject: 'Hello', body: 'Text', ...mail })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function statusOf(db: Kysely<DB>, id: number): Promise<string | null> {
  const { status } = await db.selectFrom('email_queue').select('status').where('id', '=', id).executeTakeFirstOrThrow()
  return status
}
