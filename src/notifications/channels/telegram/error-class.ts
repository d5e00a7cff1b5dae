/** The words that `notifications.error_class` holds for Telegram and operators filter by, each with what it says. */
const telegramErrorClasses = {
  bot_blocked: 'the user has blocked the bot',
  bot_kicked: 'the bot is not in the group any more',
  bot_not_started: 'the user has never written to the bot',
  user_deactivated: 'the account of the user is gone',
  chat_not_found: 'no such chat, or the bot has never been in it',
  no_rights: 'the bot may not write to the chat',
  chat_unreachable: 'the chat was unreachable before, and the company has no other',
  throttled: 'Telegram wants the bot to wait',
  login_refused: 'Telegram does not know the token of the bot',
  turned_away: 'something on the way to Telegram says no',
  server_unavailable: 'Telegram cannot answer now',
  unreachable: 'Telegram cannot be reached',
  answer_lost: 'the message was handed over, but its answer never came: it may have arrived',
  message_refused: 'Telegram does not take the message',
  message_empty: 'there is nothing to say: neither subject nor message nor image',
  no_recipient: 'neither event_data.chat_id nor the company names a chat',
  channel_unconfigured: 'no TELEGRAM_BOT_TOKEN is set',
} as const

export type TelegramErrorClass = keyof typeof telegramErrorClasses

/** A sentence for an operator, with what the other side has said about it. */
export function explain(errorClass: TelegramErrorClass, said?: string): string {
  const meaning = telegramErrorClasses[errorClass]
  const sentence = `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}`
  return said === undefined ? sentence : `${sentence} (${said})`
}
