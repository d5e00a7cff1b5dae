import type { Outcome } from '../../../queue/outcome.ts'
import { assertNever } from '../../../runtime/assert-never.ts'
import type { TelegramFault } from '../../../telegram/api.ts'
import { explain, type TelegramErrorClass } from './error-class.ts'

/** How a part is offered: as it is, or with less of what Telegram refused. */
export interface Form {
  readonly plain: boolean
  readonly image: boolean
}

export interface Offer extends Form {
  /** There is something to read, with or without the image. */
  readonly text: boolean
  /** The channel is closing: an answer is lost because nobody waits for it any more. */
  readonly closing: boolean
}

interface Reasoned {
  readonly errorClass: TelegramErrorClass
  readonly reason: string
}

/** What follows from a call that has failed. */
export type Verdict =
  /** The same part, at once, in another form or to another chat. */
  | { readonly kind: 'again'; readonly form: Form }
  | { readonly kind: 'migrated'; readonly chatId: string }
  /** Nothing gets to this chat, whatever it is. */
  | ({ readonly kind: 'unreachable' } & Reasoned)
  /** It is about the bot, and not about the message: nothing goes for so long, or until the bot works. */
  | ({ readonly kind: 'throttled'; readonly forMs: number } & Reasoned)
  | ({ readonly kind: 'outage' } & Reasoned)
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'untouched' }

const usualRetryAfterSeconds = 30
/** Nobody means more: it would silence the bot until somebody notices. */
const longestRetryAfterSeconds = 86_400

/** In Telegram's words: what a 403, and some kinds of 400, say about the chat. The first that fits counts. */
const aboutChat: readonly (readonly [pattern: RegExp, errorClass: TelegramErrorClass])[] = [
  [/blocked by the user/i, 'bot_blocked'],
  [/kicked|not a member/i, 'bot_kicked'],
  [/initiate conversation|messages to bots/i, 'bot_not_started'],
  [/user is deactivated|INPUT_USER_DEACTIVATED/i, 'user_deactivated'],
  [
    /(chat|user) not found|chat_id is empty|access the chat|PEER_ID_INVALID|CHANNEL_(PRIVATE|INVALID)/i,
    'chat_not_found',
  ],
  [/group chat was (deactivated|deleted|upgraded)/i, 'chat_not_found'],
  [/rights|write access|WRITE_FORBIDDEN|SEND_\w*FORBIDDEN|CHAT_RESTRICTED|TOPIC_CLOSED/i, 'no_rights'],
]

/** Decides what follows from a call that has failed. Pure; what it decides about chats and the bot is for the caller to make known. */
export function judge(fault: TelegramFault, offer: Offer): Verdict {
  switch (fault.kind) {
    case 'refused':
      return judgeRefusal(fault, offer)
    case 'turned_away':
      return judgeTurnedAway(fault)
    case 'unreachable':
      return ended('soft_failure', reasoned('unreachable', fault))
    case 'withdrawn':
      return { kind: 'untouched' }
    case 'lost': {
      const outcome = { kind: 'ambiguous', ...reasoned('answer_lost', fault) } as const
      return { kind: 'ended', outcome: offer.closing ? { ...outcome, retryAfterMs: 0 } : outcome }
    }
    default:
      return assertNever(fault.kind)
  }
}

function judgeRefusal(fault: TelegramFault, offer: Offer): Verdict {
  const { code = 0, migratedTo } = fault
  if (migratedTo !== undefined) return { kind: 'migrated', chatId: migratedTo }
  if (code === 429) return throttled(fault)
  if (code >= 500) return ended('soft_failure', reasoned('server_unavailable', fault))
  // Telegram says 404 where a token does not even look like one; a server of one's own says 421 to a token that is not for it.
  if (code === 401 || code === 404 || code === 421) return { kind: 'outage', ...reasoned('login_refused', fault) }
  return judgeMessage(fault, offer)
}

function judgeMessage(fault: TelegramFault, offer: Offer): Verdict {
  const { code, description } = fault
  const said = withoutQuotes(description)
  const errorClass = aboutChat.find(([pattern]) => pattern.test(said))?.[1] ?? (code === 403 ? 'no_rights' : undefined)
  const isWithoutHope = errorClass !== undefined && errorClass !== 'no_rights'
  if (!isWithoutHope && code === 400) {
    if (!offer.plain && /can't parse (entities|message)/i.test(description))
      return { kind: 'again', form: { plain: true, image: offer.image } }
    // An address that shows no image, or a chat without images, must not keep the text back.
    if (offer.image && offer.text) return { kind: 'again', form: { plain: offer.plain, image: false } }
  }
  if (errorClass !== undefined) return { kind: 'unreachable', ...reasoned(errorClass, fault) }
  return ended('hard_failure', reasoned('message_refused', fault))
}

/** Tags and addresses that Telegram quotes are the message's, and say nothing about the chat. */
function withoutQuotes(description: string): string {
  return description.replace(/"[^"]*"|(?<!\w)'[^']*'/g, '…')
}

function judgeTurnedAway(fault: TelegramFault): Verdict {
  const { code = 0 } = fault
  if (code === 429) return throttled(fault)
  if (code >= 500) return ended('soft_failure', reasoned('server_unavailable', fault))
  return { kind: 'outage', ...reasoned('turned_away', fault) }
}

function throttled(fault: TelegramFault): Verdict {
  const seconds = Math.min(longestRetryAfterSeconds, fault.retryAfterSeconds ?? usualRetryAfterSeconds)
  const forMs = 1_000 * seconds
  return { kind: 'throttled', forMs, ...reasoned('throttled', fault) }
}

function ended(kind: 'soft_failure' | 'hard_failure', why: Reasoned): Verdict {
  return { kind: 'ended', outcome: { kind, ...why } }
}

function reasoned(errorClass: TelegramErrorClass, { code, description }: TelegramFault): Reasoned {
  return { errorClass, reason: explain(errorClass, code === undefined ? description : `${code}: ${description}`) }
}
