import type { Bot, Context, Filter } from 'grammy'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { DB } from '../db/schema.ts'
import { type Locale, readLocale, resolveLocale } from '../email/locale.ts'
import { type BotTexts, botTexts } from './bot-texts.ts'
import { type CompanyName, LinkStore, type Visitor } from './link-store.ts'
import { hashLinkToken, isGenuineLinkToken } from './link-token.ts'
import type { SharedChats } from './shared-chats.ts'
import { mostProjects, statusText } from './status-text.ts'
import { subscriptionsOf } from './subscription-store.ts'

/** The updates that the bot asks Telegram for. */
export const botUpdates = ['message', 'my_chat_member'] as const

export interface BotCommandsOptions {
  readonly db: Kysely<DB>
  readonly token: string
  readonly chats: SharedChats
  /** Sends HTML to the chat that the update came from. */
  readonly answer: (context: Context, html: string) => Promise<void>
  readonly defaultLocale: Locale
  readonly defaultTimeZone: string
  readonly log: Logger
}

/** What the bot does with updates. A handler rejects only where the database is out of reach; then the update may be handled again. */
export class BotCommands {
  readonly #options: BotCommandsOptions
  readonly #links: LinkStore

  constructor(options: BotCommandsOptions) {
    this.#options = options
    this.#links = new LinkStore(options.db)
  }

  addTo(bot: Bot): void {
    bot.on('my_chat_member', (context) => this.#changePresence(context))
    bot.on('message:migrate_to_chat_id', ({ message, chat }) =>
      this.#options.chats.migrate(String(chat.id), String(message.migrate_to_chat_id)),
    )
    bot.command('start', (context) => this.#start(context, context.match.trim()))
    bot.command('status', (context) => this.#status(context))
    bot.command('stop', (context) => this.#stop(context))
    // In a group people talk to each other.
    bot.chatType('private').on('message', (context) => this.#help(context))
  }

  async #start(context: Context, token: string): Promise<void> {
    const visitor = visitorOf(context)
    await this.#options.chats.reachable(visitor.chatId)
    if (token === '') return this.#help(context)
    const texts = this.#textsFor(context)
    if (!isGenuineLinkToken(token, this.#options.token)) return this.#options.answer(context, texts.forged)
    const redemption = await this.#links.redeem(hashLinkToken(token), visitor)
    if (redemption.kind !== 'linked') return this.#options.answer(context, texts[redemption.kind])
    const { company, moved } = redemption
    this.#options.log.info({ companyId: company.id, chatId: visitor.chatId }, 'a chat is linked to a company')
    return this.#options.answer(context, this.#textsFor(context, [company]).linked(company, moved))
  }

  async #status(context: Context): Promise<void> {
    const { db, answer, defaultTimeZone } = this.#options
    const companies = await this.#links.companiesOf(visitorOf(context))
    if (companies.length === 0) return answer(context, this.#textsFor(context).notLinked)
    const ids = companies.map(({ id }) => id)
    const subscriptions = await subscriptionsOf(db, ids, mostProjects)
    return answer(context, statusText(subscriptions, { locale: this.#localeOf(context, companies), defaultTimeZone }))
  }

  async #stop(context: Context): Promise<void> {
    const visitor = visitorOf(context)
    const companies = await this.#links.unlink(visitor)
    const texts = this.#textsFor(context, companies)
    for (const { id } of companies) {
      this.#options.log.info({ companyId: id, chatId: visitor.chatId }, 'a chat is no longer linked to a company')
    }
    return this.#options.answer(context, companies.length === 0 ? texts.notLinked : texts.unlinked(companies))
  }

  async #help(context: Context): Promise<void> {
    const companies = await this.#links.companiesOf(visitorOf(context))
    const texts = this.#textsFor(context, companies)
    return this.#options.answer(context, companies.length === 0 ? texts.notLinked : texts.isLinked(companies))
  }

  /** Telegram tells of it when the bot is blocked or removed, and when it is let in again. */
  async #changePresence({ chat, myChatMember }: Filter<Context, 'my_chat_member'>): Promise<void> {
    const { chats } = this.#options
    const { status } = myChatMember.new_chat_member
    const chatId = String(chat.id)
    if (status !== 'left' && status !== 'kicked') return chats.reachable(chatId)
    if (chat.type === 'private') return chats.unreachable(chatId, 'bot_blocked', 'The user has blocked the bot')
    return chats.unreachable(chatId, 'bot_kicked', 'The bot was removed from the chat')
  }

  #textsFor(context: Context, companies: readonly CompanyName[] = []): BotTexts {
    return botTexts[this.#localeOf(context, companies)]
  }

  /** That of the notices in the chat, where its companies agree on one. Whoever reads neither language is more likely to read English. */
  #localeOf({ from }: Context, companies: readonly CompanyName[]): Locale {
    const { defaultLocale } = this.#options
    const [locale, ...others] = new Set(companies.flatMap((company) => readLocale(company.locale) ?? []))
    if (locale !== undefined && others.length === 0) return locale
    return from?.language_code === undefined ? defaultLocale : resolveLocale(from.language_code, 'en')
  }
}

function visitorOf({ chat, from }: Context): Visitor {
  if (chat === undefined) throw new Error('an update without a chat')
  return { chatId: String(chat.id), chatName: 'username' in chat ? chat.username : undefined, userId: from?.id }
}
