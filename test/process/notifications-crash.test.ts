import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { botEnvironment } from '../support/chat-load.ts'
import { setScene } from './scene.ts'

const scene = setScene()

const kills = 10
const chats = 20
const limits = { perSecond: 10_000, chatPerSecond: 1_000, chatBurst: 100, groupPerMinute: 1_000, jitterMs: 0 }

it('loses nothing when workers are killed in the midst of requests, and what comes twice is known as ambiguous', {
  timeout: 180_000,
}, async () => {
  let killing = true
  let unanswered = 0
  const server = await scene.startBotServer({
    // Taken, and the answer does not come before its worker is gone.
    async script({ method }, gone) {
      if (!killing || !method.startsWith('send')) return undefined
      unanswered += 1
      await new Promise((resolve) => gone.addEventListener('abort', resolve))
      unanswered -= 1
      return { act: 'reset', taken: true }
    },
  })
  const env = { ...botEnvironment(server, limits), NOTIFICATIONS_CONCURRENCY: '4', NOTIFICATIONS_LEASE_SECONDS: '5' }
  for (let kill = 1; kill <= kills; kill += 1) {
    const worker = scene.startNotificationsWorker(env)
    await insertRound(kill)
    await expect.poll(() => unanswered).toBe(4)
    expect(await worker.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    await expect.poll(() => unanswered).toBe(0)
  }
  killing = false
  scene.startNotificationsWorker(env)

  await expect.poll(countWaiting, { timeout: 90_000 }).toBe(0)
  // Those that were in the hands of three workers that died.
  await sql`UPDATE notifications SET status = 'pending' WHERE status = 'held'`.execute(scene.database.db)
  await expect.poll(countWaiting).toBe(0)
  const { rows } = await sql<{ text: string; status: string; ambiguous: number }>`
    SELECT message AS text, status, (SELECT count(*)::int FROM fleet.notification_attempts AS a
                              WHERE a.notification_id = n.id AND a.outcome = 'ambiguous') AS ambiguous
      FROM notifications AS n`.execute(scene.database.db)
  const taken = Map.groupBy(server.taken, ({ payload }) => payload.text)
  const isKnown = ({ text, status, ambiguous }: (typeof rows)[number]) =>
    status === 'sent' && taken.get(text)?.length === 1 + ambiguous
  expect(rows.filter((row) => !isKnown(row))).toEqual([])
  expect(rows).toHaveLength(kills * chats)
  expect(server.taken).toHaveLength(kills * chats + kills * 4)
  expect((await sql`SELECT FROM fleet.notification_handovers`.execute(scene.database.db)).rows).toEqual([])
})

/** A message for each chat. */
async function insertRound(round: number): Promise<void> {
  await sql`
    INSERT INTO notifications (type, notification_type, message, event_data)
    SELECT 'telegram', 'crash', format('%s of %s', ${round}::int, chat), jsonb_build_object('chat_id', chat)
      FROM generate_series(1, ${chats}::int) AS chat`.execute(scene.database.db)
}

async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ waiting: number }>`
    SELECT count(*)::int AS waiting FROM notifications WHERE status IN ('pending', 'sending')`.execute(
    scene.database.db,
  )
  return rows[0]?.waiting ?? 0
}
