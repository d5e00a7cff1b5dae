import type { Insertable, Kysely } from 'kysely'
import type { DB, FleetNotificationAttempts, Notifications } from '../../../src/db/schema.ts'

/** Inserts one notification, with whatever the test is about, and answers its id. Only triggers come in between. */
export async function insertNotice(db: Kysely<DB>, notice: Partial<Insertable<Notifications>> = {}): Promise<number> {
  const { id } = await db
    .insertInto('notifications')
    .values({ type: 'telegram', subject: 'Hello', message: 'Text', event_data: '{"chat_id": "77"}', ...notice })
    .returning('id')
    .executeTakeFirstOrThrow()
  // When a row arrives its status changes, whatever it says of itself.
  const { changed_at } = notice
  if (changed_at !== undefined) {
    await db.updateTable('notifications').set({ changed_at }).where('id', '=', id).execute()
  }
  return id
}

/** Inserts the rows of one digest, the one that carries it first, and answers their ids. */
export async function insertDigest(
  db: Kysely<DB>,
  size: number,
  notice: Partial<Insertable<Notifications>> = {},
): Promise<[carrier: number, ...members: number[]]> {
  const carrier = await insertNotice(db, { ...notice, digest_size: size })
  const members: number[] = []
  while (members.length < size - 1) members.push(await insertNotice(db, { ...notice, digest_of: carrier }))
  return [carrier, ...members]
}

/** Adds one attempt to the ledger of a notification. */
export async function insertNoticeAttempt(
  db: Kysely<DB>,
  attempt: Partial<Insertable<FleetNotificationAttempts>> & { readonly notification_id: number },
): Promise<void> {
  await db
    .insertInto('fleet.notification_attempts')
    .values({ attempt: 1, token: '1', outcome: 'sent', ...attempt })
    .execute()
}

/** The statuses of these notifications, in this order. */
export async function noticeStatuses(db: Kysely<DB>, ...ids: number[]): Promise<(string | null | undefined)[]> {
  const rows = await db.selectFrom('notifications').select(['id', 'status']).execute()
  return ids.map((wanted) => rows.find(({ id }) => id === wanted)?.status)
}
