import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import { channelPause } from '../../src/notifications/channel-pause-store.ts'
import { SharedChats } from '../../src/telegram/shared-chats.ts'
import type { SendLimits } from '../../src/telegram/turn-store.ts'
import type { BotRequest } from '../support/bot-api-server.ts'

/** Another process, as far as the database can tell: the chats through a pool of its own. */
export function openChats(url: string, limits: SendLimits): { chats: SharedChats; database: Database } {
  const database = connectDatabase({ url, applicationName: 'fleet test chats', max: 5, keepsPlans: true })
  const pause = channelPause(database, 'telegram')
  return { chats: new SharedChats({ database, limits, pause, log: pino({ level: 'silent' }) }), database }
}

/** Sends so many messages to the chat, each when it is its turn, one after the other; answers when they would have arrived. */
export async function sendTo(chats: SharedChats, chatId: string, count: number): Promise<BotRequest[]> {
  const sent: BotRequest[] = []
  while (sent.length < count) {
    const turn = await chats.take(chatId)
    if (turn.kind === 'unreachable') throw new Error(`${chatId} cannot be reached`)
    if (turn.kind === 'go') sent.push(arrival(turn.chatId))
    else await delay(turn.delayMs)
  }
  return sent
}

/** By the wall clock, which processes share, with the fractions of the monotonic one. */
function arrival(chatId: string): BotRequest {
  return { method: 'sendMessage', payload: {}, chatId, at: performance.timeOrigin + performance.now() }
}
