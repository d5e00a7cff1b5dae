import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'

/** Who writes to the bot, and where. */
export interface Visitor {
  readonly chatId: string
  /** Of a public group, without the `@`: what a company's chat may be called instead of its id. */
  readonly chatName: string | undefined
  readonly userId: number | undefined
}

export interface CompanyName {
  readonly id: number
  readonly name: string
  /** Its language, as it is written there. */
  readonly locale: string | null
}

/** What came of a link that somebody has opened. */
export type Redemption =
  /** `moved`: the company had another chat before. */
  | { readonly kind: 'linked'; readonly company: CompanyName; readonly moved: boolean }
  | { readonly kind: 'used' | 'expired' }

/** Links between companies and chats, as the bot makes and ends them. */
export class LinkStore {
  readonly #db: Kysely<DB>

  constructor(db: Kysely<DB>) {
    this.#db = db
  }

  /** Gives the company of the link this chat. Opened again in the chat that it has linked, it says so again. */
  async redeem(tokenHash: Buffer, visitor: Visitor): Promise<Redemption> {
    return this.#db.transaction().execute(async (transaction) => {
      const { rows } = await sql<LinkRow>`
        SELECT company_id, used_at IS NOT NULL AS used, chat_id, expires_at <= fleet.utc_now() AT TIME ZONE 'UTC' AS expired
          FROM fleet.telegram_links WHERE token_hash = ${tokenHash} FOR UPDATE`.execute(transaction)
      const [link] = rows
      if (link === undefined || (link.expired && !link.used)) return { kind: 'expired' }
      const company = await lockCompany(transaction, link.company_id)
      if (company === undefined) return { kind: 'expired' }
      if (link.used) return isLinkedBy(link, company, visitor) ? linked(company, false) : { kind: 'used' }
      await giveChat(transaction, { tokenHash, company, visitor })
      return linked(company, company.chatId !== null && company.chatId !== visitor.chatId)
    })
  }

  /** Takes the chat away from the companies that have it; answers which. */
  async unlink(visitor: Visitor): Promise<readonly CompanyName[]> {
    return this.#db.transaction().execute(async (transaction) => {
      const companies = await linkedTo(transaction, visitor)
      for (const company of companies) {
        await sql`UPDATE companies SET telegram_chat_id = NULL WHERE id = ${company.id}`.execute(transaction)
        await recordChange(transaction, { action: 'unlink_telegram', company, visitor, after: null })
      }
      return companies
    })
  }

  /** The companies that have the chat, by name. */
  async companiesOf(visitor: Visitor): Promise<readonly CompanyName[]> {
    return linkedTo(this.#db, visitor)
  }
}

interface LinkRow {
  readonly company_id: number
  readonly used: boolean
  readonly chat_id: string | null
  readonly expired: boolean
}

interface LinkedCompany extends CompanyName {
  readonly chatId: string | null
}

function linked({ id, name, locale }: LinkedCompany, moved: boolean): Redemption {
  return { kind: 'linked', company: { id, name, locale }, moved }
}

function isLinkedBy(link: LinkRow, company: LinkedCompany, { chatId }: Visitor): boolean {
  return link.chat_id === chatId && company.chatId === chatId
}

async function lockCompany(transaction: Transaction<DB>, id: number): Promise<LinkedCompany | undefined> {
  const { rows } = await sql<LinkedCompany>`
    SELECT id, name, locale, nullif(btrim(telegram_chat_id), '') AS "chatId" FROM companies WHERE id = ${id} FOR UPDATE`.execute(
    transaction,
  )
  return rows[0]
}

async function giveChat(
  transaction: Transaction<DB>,
  { tokenHash, company, visitor }: { tokenHash: Buffer; company: LinkedCompany; visitor: Visitor },
): Promise<void> {
  const { chatId } = visitor
  await sql`UPDATE companies SET telegram_chat_id = ${chatId} WHERE id = ${company.id}`.execute(transaction)
  await sql`
    UPDATE fleet.telegram_links SET used_at = fleet.utc_now() AT TIME ZONE 'UTC', chat_id = ${chatId}
     WHERE token_hash = ${tokenHash}`.execute(transaction)
  await recordChange(transaction, { action: 'link_telegram', company, visitor, after: chatId })
}

async function linkedTo(db: Kysely<DB>, { chatId, chatName }: Visitor): Promise<readonly LinkedCompany[]> {
  const names = [chatId, ...(chatName === undefined ? [] : [`@${chatName.toLowerCase()}`])]
  const { rows } = await sql<LinkedCompany>`
    SELECT id, name, locale, telegram_chat_id AS "chatId" FROM companies
     WHERE lower(btrim(telegram_chat_id)) = ANY (${names})
     ORDER BY name, id`.execute(db)
  return rows
}

interface Change {
  readonly action: 'link_telegram' | 'unlink_telegram'
  readonly company: LinkedCompany
  readonly visitor: Visitor
  readonly after: string | null
}

async function recordChange(transaction: Transaction<DB>, { action, company, visitor, after }: Change): Promise<void> {
  const changes = JSON.stringify({ name: company.name, telegram_chat_id: { before: company.chatId, after } })
  const actor = `telegram:${visitor.userId ?? visitor.chatId}`
  await sql`
    INSERT INTO audit_log (entity_type, entity_id, action, changes, actor_email, created_at)
    VALUES ('company', ${company.id}, ${action}, ${changes}, ${actor}, fleet.utc_now())`.execute(transaction)
}
