/** Whether a message may go to a chat now. */
export type Turn =
  /** At once; `chatId` is where the chat lives by now. */
  | { readonly kind: 'go'; readonly chatId: string }
  /** Its turn comes so late that nobody should wait for it. */
  | { readonly kind: 'later'; readonly delayMs: number }
  /** Nothing gets there until the company has another chat. */
  | { readonly kind: 'unreachable'; readonly errorClass: string; readonly reason: string }

/** What all processes know together of the bot and of the chats it writes to. */
export interface TelegramChats {
  /** To be asked before each request that sends something: waits a moment for its turn, and follows a chat that has migrated. */
  take(chatId: string): Promise<Turn>
  /** The whole bot, in every process, sends nothing for so long. */
  pause(forMs: number, reason: string): Promise<void>
  /** The bot cannot work, such as with a wrong token: pauses it, for longer each time until something is sent; answers for how long, in ms. */
  outage(reason: string): Promise<number>
  /** Something was sent: an outage, if there was one, is over. */
  passed(): Promise<void>
  unreachable(chatId: string, errorClass: string, reason: string): Promise<void>
  /** A group has become a supergroup, under another id. */
  migrate(from: string, to: string): Promise<void>
}
