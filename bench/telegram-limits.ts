/**
 * Many messages through two worker processes at Telegram's own limits: how long it takes, and whether each came once, in the order of
 * its chat, and none too early. Every fifth chat is a group, and one answer in 500 is a 429.
 *
 *   node bench/telegram-limits.ts [messages]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { migrateUp } from '../src/db/migrator.ts'
import { startBotApiServer } from '../test/support/bot-api-server.ts'
import { botEnvironment, faultsOf, insertMessages, throttlingEvery } from '../test/support/chat-load.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'

const limits = { perSecond: 30, chatPerSecond: 1, chatBurst: 3, groupPerMinute: 20, jitterMs: 100 }
const load = { messages: Number(process.argv[2] ?? 5_000), chats: 125 }

const cluster = await startCluster({ durable: true })
const database = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(database.db)
const server = await startBotApiServer({ script: throttlingEvery(500) })
const workers = [await startWorker(), await startWorker()]

const startedAt = performance.now()
await insertMessages(database.db, load)
while ((await countUnsent()) > 0) await delay(100)
const seconds = (performance.now() - startedAt) / 1000
const sent = server.requests.filter(({ method }) => method.startsWith('send'))
const faults = faultsOf(server, load, limits)
console.table({
  messages: load.messages,
  chats: load.chats,
  'taken by the server': server.taken.length,
  'answered with 429': sent.length - server.taken.length,
  duration: `${seconds.toFixed(1)} s`,
  'messages a second': (load.messages / seconds).toFixed(1),
  faults: faults.length,
})
for (const fault of faults.slice(0, 10)) console.log(fault)
process.exitCode = faults.length === 0 ? 0 : 1

for (const worker of workers) {
  worker.kill('SIGINT')
  await once(worker, 'exit')
}
await server.stop()
await database.drop()
await cluster.remove()

async function startWorker(): Promise<ChildProcess> {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: database.url,
    LOG_LEVEL: 'error',
    ...botEnvironment(server, limits),
  }
  const worker = fork(join(import.meta.dirname, '../workers/notifications.ts'), { env })
  await once(worker, 'message')
  return worker
}

async function countUnsent(): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS unsent FROM notifications WHERE status <> 'sent'`)
  return rows[0].unsent
}
