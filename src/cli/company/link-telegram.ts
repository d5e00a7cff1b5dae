import { loadConfig } from '../../config/config.ts'
import { databaseNow } from '../../ops/clock.ts'
import { findLinkableCompany, type LinkableCompany, offerTelegramLink } from '../../ops/company-telegram.ts'
import { createTelegramApi, type TelegramFault } from '../../telegram/api.ts'
import { type BotIdentity, identifyBot } from '../../telegram/bot-identity.ts'
import { createLinkToken, hashLinkToken } from '../../telegram/link-token.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { printable } from '../printable.ts'
import type { Session } from '../session.ts'
import { formatExactTime } from '../times.ts'

const timeoutMs = 10_000

/** Makes a link that whoever opens it in Telegram links a chat to the company with. */
export async function linkTelegram(session: Session, companyId: number): Promise<Answer> {
  const bot = configuredBot()
  const db = await session.openDatabase()
  const company = await findLinkableCompany(db, companyId)
  if (company === undefined) throw companyUnknown(companyId)
  const { username, canJoinGroups } = await session.progress('Asking Telegram who the bot is', () => whoIs(bot))
  const token = createLinkToken(bot.token)
  const expiresAt = await offerTelegramLink(db, { company, tokenHash: hashLinkToken(token), actor: currentActor() })
  const link = `https://t.me/${username}?start=${token}`
  const groupLink = canJoinGroups ? `https://t.me/${username}?startgroup=${token}` : null
  const now = await databaseNow(db)
  return {
    document: { companyId, company: company.name, bot: username, chatId: company.chatId, link, groupLink, expiresAt },
    text: () => describe({ company, link, groupLink, until: formatExactTime(expiresAt, now) }),
  }
}

interface Offer {
  readonly company: LinkableCompany
  readonly link: string
  readonly groupLink: string | null
  readonly until: string
}

function describe({ company, link, groupLink, until }: Offer): string {
  const { name, chatId } = company
  return [
    `Whoever opens this in Telegram and presses Start gets the notices of ${printable(name)} there:`,
    `  ${link}`,
    ...(groupLink === null ? ['The bot may not be added to groups.'] : ['For a group, instead:', `  ${groupLink}`]),
    `It works once, until ${until}.`,
    ...(chatId === null ? [] : [`The chat that the company has now, ${printable(chatId)}, then gets none any more.`]),
  ].join('\n')
}

interface ConfiguredBot {
  readonly token: string
  readonly apiRoot: string
}

function configuredBot(): ConfiguredBot {
  const { botToken, apiRoot } = loadConfig().telegram
  if (botToken !== undefined && apiRoot !== 'outbox:') return { token: botToken, apiRoot }
  const isMissing = botToken === undefined
  throw new CliError(
    `there is no bot: ${isMissing ? 'TELEGRAM_BOT_TOKEN is not set' : 'TELEGRAM_API_ROOT is outbox:'}`,
    {
      code: 'TELEGRAM_NOT_CONFIGURED',
      hint: isMissing
        ? 'make one with https://t.me/BotFather, and set TELEGRAM_BOT_TOKEN to its token'
        : 'leave TELEGRAM_API_ROOT out, to have messages go to Telegram',
      exitStatus: exitStatus.configuration,
    },
  )
}

async function whoIs({ token, apiRoot }: ConfiguredBot): Promise<BotIdentity> {
  const api = createTelegramApi({ token, apiRoot })
  try {
    const answer = await identifyBot(api, timeoutMs)
    if (answer.ok) return answer.result
    throw isTokenRefused(answer.fault) ? tokenRefused(api.destination) : botUnreachable(api.destination, answer.fault)
  } finally {
    api.close()
  }
}

/** A token of a wrong form is answered with 404. */
function isTokenRefused({ kind, code }: TelegramFault): boolean {
  return kind === 'refused' && (code === 401 || code === 404)
}

function tokenRefused(destination: string): CliError {
  return new CliError(`${destination} does not know the bot's token`, {
    code: 'TELEGRAM_TOKEN_REFUSED',
    hint: 'set TELEGRAM_BOT_TOKEN to what https://t.me/BotFather says it is',
    exitStatus: exitStatus.configuration,
  })
}

function botUnreachable(destination: string, { description }: TelegramFault): CliError {
  return new CliError(`the Bot API at ${destination} cannot be asked who the bot is: ${printable(description)}`, {
    code: 'TELEGRAM_UNREACHABLE',
    hint: 'try again, and see that TELEGRAM_API_ROOT is right',
    exitStatus: exitStatus.unreachable,
  })
}

function companyUnknown(id: number): CliError {
  return new CliError(`no company has the id ${id}`, {
    code: 'COMPANY_UNKNOWN',
    hint: 'fleet search finds companies by name',
    exitStatus: exitStatus.failed,
  })
}
