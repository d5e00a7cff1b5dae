import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { createTestWorker } from '../support/email-worker.ts'
import { startRawSmtpServer } from '../support/raw-smtp-server.ts'

it('gives back what it has claimed ahead when its connections are stuck', async () => {
  const database = await createTestDatabase()
  let taken = 0
  const take = (socket: { write(text: string): unknown }) => {
    taken += 1
    if (taken <= 300) socket.write('250 2.0.0 taken\r\n')
  }
  const server = await startRawSmtpServer({ '.': take })
  const worker = createTestWorker(database, {
    smtpUrl: `smtp://127.0.0.1:${server.port}`,
    concurrency: 5,
    leaseSeconds: 5,
  })
  try {
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body)
      SELECT 'a@x.example', 's', 'b' FROM generate_series(1, 600)`.execute(database.db)
    worker.drain.start()
    worker.drain.wake()
    await expect.poll(() => taken, { timeout: 20_000 }).toBe(305)
    await expect.poll(() => worker.drain.inHand, { timeout: 20_000 }).toBe(5)
    const { rows } = await database.pool.query(
      `SELECT status, count(*)::int AS count FROM email_queue GROUP BY status ORDER BY status`,
    )
    expect(rows).toEqual([
      { status: 'pending', count: 295 },
      { status: 'sending', count: 5 },
      { status: 'sent', count: 300 },
    ])
  } finally {
    await server.stop()
    await worker.stop()
    await database.drop()
  }
}, 60_000)
