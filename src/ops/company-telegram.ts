import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { recordAudit } from './audit.ts'

export interface LinkableCompany {
  readonly id: number
  readonly name: string
  /** The chat that it has already; null for none. */
  readonly chatId: string | null
}

/** How long an invitation can be used. */
const linkHours = 24
/** What has ended so long ago only fills the table. */
const keptDays = 30

/** Undefined where there is no such company. */
export async function findLinkableCompany(db: Kysely<DB>, id: number): Promise<LinkableCompany | undefined> {
  return db
    .selectFrom('companies')
    .select(['id', 'name', 'telegram_chat_id as chatId'])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Lets whoever has the token link a chat to the company, once; answers until when. */
export async function offerTelegramLink(
  db: Kysely<DB>,
  { company, tokenHash, actor }: { company: LinkableCompany; tokenHash: Buffer; actor: string },
): Promise<Date> {
  const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`
  return db.transaction().execute(async (transaction) => {
    await sql`
      DELETE FROM fleet.telegram_links WHERE expires_at < ${now} - ${keptDays} * interval '1 day'`.execute(transaction)
    const { expires_at: expiresAt } = await transaction
      .insertInto('fleet.telegram_links')
      .values({
        token_hash: tokenHash,
        company_id: company.id,
        created_at: now,
        expires_at: sql<Date>`${now} + ${linkHours} * interval '1 hour'`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    const changes = { name: company.name, expires_at: expiresAt.toISOString() }
    await recordAudit(transaction, {
      actor,
      action: 'offer_telegram_link',
      entityType: 'company',
      entityId: company.id,
      changes,
    })
    return expiresAt
  })
}
