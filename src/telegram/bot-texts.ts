import type { Locale } from '../email/locale.ts'
import type { CompanyName } from './link-store.ts'
import { escapeMarkup } from './markup.ts'

/** What the bot says, in Telegram's HTML. */
export interface BotTexts {
  linked(company: CompanyName, moved: boolean): string
  readonly used: string
  readonly expired: string
  readonly forged: string
  isLinked(companies: readonly CompanyName[]): string
  unlinked(companies: readonly CompanyName[]): string
  readonly notLinked: string
}

const mostNames = 20

const ru: BotTexts = {
  linked: ({ name }, moved) =>
    `Готово: уведомления компании ${bold(name)} теперь приходят в этот чат.` +
    (moved ? ' В прежний чат они больше не приходят.' : '') +
    '\n\n/status — подписки и их сроки\n/stop — больше не присылать',
  used: 'Эта ссылка уже использована. Попросите новую.',
  expired: 'Эта ссылка больше не действует: она работает 24 часа. Попросите новую.',
  forged: 'Такой ссылки нет. Откройте ту, что вам прислали, или попросите новую.',
  isLinked: (companies) =>
    `Сюда приходят уведомления: ${names(companies, 'и ещё')}.\n\n/status — подписки и их сроки\n/stop — больше не присылать`,
  unlinked: (companies) => `Больше не присылаю сюда уведомления: ${names(companies, 'и ещё')}.`,
  notLinked: 'В этот чат уведомления не приходят. Чтобы их получать, откройте ссылку, которую вам прислали.',
}

const en: BotTexts = {
  linked: ({ name }, moved) =>
    `Done: the notices of ${bold(name)} come to this chat now.` +
    (moved ? ' They no longer go to the chat they went to before.' : '') +
    '\n\n/status: subscriptions and when they end\n/stop: no more notices',
  used: 'This link has been used already. Please ask for another one.',
  expired: 'This link no longer works: it is good for 24 hours. Please ask for another one.',
  forged: 'There is no such link. Open the one that you were sent, or ask for another.',
  isLinked: (companies) =>
    `Notices come here of ${names(companies, 'and another')}.\n\n/status: subscriptions and when they end\n/stop: no more notices`,
  unlinked: (companies) => `No more notices come here of ${names(companies, 'and another')}.`,
  notLinked: 'No notices come to this chat. To get them, open the link that you were sent.',
}

export const botTexts: Readonly<Record<Locale, BotTexts>> = { ru, en }

function names(companies: readonly CompanyName[], andMore: string): string {
  const shown = companies.slice(0, mostNames).map(({ name }) => bold(name))
  const left = companies.length - shown.length
  return shown.join(', ') + (left > 0 ? ` ${andMore} ${left}` : '')
}

function bold(text: string): string {
  return `<b>${escapeMarkup(text)}</b>`
}
