import { outboxFolder } from '../../runtime/folders.ts'
import { createTelegramApi, type TelegramFault } from '../../telegram/api.ts'
import { identifyBot } from '../../telegram/bot-identity.ts'
import { type Check, fineUnless, type HostContext } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'

const timeoutMs = 8_000

const kinds = {
  BOT_TOKEN_REFUSED: {
    severity: 'error',
    what: 'Telegram does not know `TELEGRAM_BOT_TOKEN`',
    why: 'Telegram notifications wait until it does.',
    remedy: 'ask @BotFather for the token (/mybots), put it into TELEGRAM_BOT_TOKEN, and restart the workers',
  },
  BOT_API_UNREACHABLE: {
    severity: 'error',
    what: 'the Bot API does not answer, or something on the way there does',
    why: 'Telegram notifications wait until it does.',
    remedy: 'see that this host can reach it, and that TELEGRAM_API_ROOT is right where it is set',
  },
} as const

const found = findingsOf(kinds)

/** Whether Telegram knows the bot. */
export const telegramCheck: Check<HostContext> = {
  name: 'telegram',
  kinds,
  async examine({ config: { telegram, database } }) {
    const { botToken, apiRoot } = telegram
    const isLocal = apiRoot === 'outbox:' || (botToken === undefined && database.url === undefined)
    if (isLocal) return { findings: [], fine: `messages go into ${outboxFolder}` }
    if (botToken === undefined) return { findings: [], skipped: 'no bot is configured' }
    const api = createTelegramApi({ token: botToken, apiRoot })
    const answer = await identifyBot(api, timeoutMs)
    api.close()
    return answer.ok
      ? fineUnless([], `${api.destination} knows the bot as @${answer.result.username}`)
      : { findings: [faultFinding(answer.fault, api.destination)] }
  },
}

/** 401 is for a token that was revoked, 404 for one that never was. */
function faultFinding({ kind, code, description }: TelegramFault, destination: string): Finding {
  const isRefused = kind === 'refused' && (code === 401 || code === 404)
  return found(isRefused ? 'BOT_TOKEN_REFUSED' : 'BOT_API_UNREACHABLE', { what: `${destination}: ${description}` })
}
