import { setTimeout as delay } from 'node:timers/promises'
import { type Bot, BotError } from 'grammy'
import type { Update } from 'grammy/types'
import type { Logger } from 'pino'
import { isUnreachable } from '../db/pool.ts'
import { botUpdates } from './bot-commands.ts'
import { grammySignal } from './grammy-signal.ts'

export interface BotPollingOptions {
  readonly bot: Bot
  /** Ends the polling, promptly. */
  readonly signal: AbortSignal
  /** Whether this process may still tell Telegram what has been handled. */
  readonly mayConfirm: () => boolean
  /** Told once that Telegram lets this process poll. */
  readonly onPolling: () => void
  readonly log: Logger
}

const pollSeconds = 25
const updatesAtOnce = 50
/** What is in hand when it is to stop may take so long. */
const finishMs = 500
const confirmMs = 300

/**
 * Fetches updates and has the bot handle them, until it is stopped. An update is confirmed to Telegram once it is handled; after a crash, or
 * where the database was out of reach, it comes again. Rejects with what Telegram, the network or the database has said.
 */
export async function pollUpdates(options: BotPollingOptions): Promise<void> {
  const { bot, signal, mayConfirm, onPolling } = options
  let next = 0
  let confirmed = 0
  try {
    bot.botInfo = await bot.api.getMe(grammySignal(signal))
    for (let timeout = 0; !signal.aborted; timeout = pollSeconds) {
      const request = { offset: next, limit: updatesAtOnce, timeout, allowed_updates: botUpdates }
      const updates = await bot.api.getUpdates(request, grammySignal(signal))
      if (timeout === 0) onPolling()
      confirmed = next
      const { left, error } = await handleAll(updates, options)
      next = left ?? (updates.at(-1)?.update_id ?? next - 1) + 1
      if (error !== undefined) throw error
    }
  } finally {
    if (next > confirmed && mayConfirm()) await confirm(bot, next)
  }
}

interface Handled {
  /** The first update that is to come again. */
  readonly left: number | undefined
  /** Why. */
  readonly error: unknown
}

/** Chats do not wait for each other; those of one chat are handled in order. */
async function handleAll(updates: readonly Update[], options: BotPollingOptions): Promise<Handled> {
  const open = new Set(updates.map(({ update_id }) => update_id))
  let error: unknown
  const handleThoseOf = async (own: readonly Update[]): Promise<void> => {
    for (const update of own) {
      if (options.signal.aborted) return
      try {
        await options.bot.handleUpdate(update)
      } catch (thrown) {
        const cause = thrown instanceof BotError ? thrown.error : thrown
        if (options.signal.aborted) return
        if (isUnreachable(cause)) {
          error = cause
          return
        }
        options.log.error({ err: cause, updateId: update.update_id }, 'an update cannot be handled: it is passed over')
      }
      open.delete(update.update_id)
    }
  }
  const all = Promise.all([...Map.groupBy(updates, chatOf).values()].map(handleThoseOf))
  await Promise.race([all, waitAfter(options.signal, finishMs)])
  return { left: open.size > 0 ? Math.min(...open) : undefined, error }
}

function chatOf({ message, my_chat_member }: Update): number | undefined {
  return (message ?? my_chat_member)?.chat.id
}

async function waitAfter(signal: AbortSignal, forMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve())
  if (signal.aborted) resolve()
  await promise
  await delay(forMs, undefined, { ref: false })
}

/** Tells Telegram what need not come again; where that fails it comes again. */
async function confirm(bot: Bot, offset: number): Promise<void> {
  const request = { offset, limit: 1, timeout: 0 }
  await bot.api.getUpdates(request, grammySignal(AbortSignal.timeout(confirmMs))).catch(() => {})
}
