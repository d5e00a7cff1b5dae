import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { botEnvironment, faultsOf, insertMessages, throttlingEvery } from '../support/chat-load.ts'
import { setScene } from './scene.ts'

const scene = setScene()

it('two workers deliver to many chats once, in order, and within the limits of the bot and of each chat', {
  timeout: 180_000,
}, async () => {
  // What arrives early is what the way to the server takes on a busy machine.
  const limits = { perSecond: 60, chatPerSecond: 2, chatBurst: 3, groupPerMinute: 100, jitterMs: 400 }
  const load = { messages: 500, chats: 50 }
  const server = await scene.startBotServer({ script: throttlingEvery(100) })
  const env = botEnvironment(server, limits)
  const workers = [scene.startNotificationsWorker(env), scene.startNotificationsWorker(env)]
  await Promise.all(workers.map((worker) => worker.ready()))
  await insertMessages(scene.database.db, load)

  await expect.poll(() => readOutcome(), { timeout: 150_000 }).toEqual([{ status: 'sent', attempts: 1, rows: 500 }])
  expect(faultsOf(server, load, limits)).toEqual([])
  const sent = server.requests.filter(({ method }) => method.startsWith('send'))
  expect(sent.length - server.taken.length).toBe(5)
  const { rows } = await sql`SELECT DISTINCT worker FROM fleet.notification_attempts WHERE outcome = 'sent'`.execute(
    scene.database.db,
  )
  expect(rows).toHaveLength(2)
})

async function readOutcome(): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT status, attempts, count(*)::int AS rows FROM notifications GROUP BY status, attempts`.execute(
    scene.database.db,
  )
  return rows
}
