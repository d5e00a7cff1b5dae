import process from 'node:process'
import { openChats, sendTo } from './turns.ts'

/** Sends so many messages to each of the chats, and tells its parent when each would have arrived. */
const [url = '', limits = '{}', chats = '[]', count = '0'] = process.argv.slice(2)
const { chats: shared, database } = openChats(url, JSON.parse(limits))
const chatIds: string[] = JSON.parse(chats)
const sent = await Promise.all(chatIds.map((chatId) => sendTo(shared, chatId, Number(count))))
process.send?.(sent.flat())
await database.close()
