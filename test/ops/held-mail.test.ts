import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { emailTable } from '../../src/email/store.ts'
import { release } from '../../src/ops/release-mails.ts'
import { showMail } from '../../src/ops/show-mail.ts'
import { applyChange, previewChange } from '../../src/ops/status-change.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insertMail } from './mails.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  // Right after the server has started no lease is over.
  const grace = `SELECT now() > pg_postmaster_start_time() + interval '5 s' AS "isOver"`
  await vi.waitUntil(async () => (await database.pool.query(grace)).rows[0].isOver, { timeout: 10_000 })
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers'))

/** A worker claims the mail, may hand it over, and dies; another rescues the mail. */
async function dieWithIt({ handedOver }: { handedOver: boolean }): Promise<void> {
  const settings = { leaseSeconds: 60, messageIdDomain: 'vertex.example', holdAmbiguous: [] }
  const worker = emailTable(database, { ...settings, owner: 'w@host' })
  await database.pool.query('UPDATE email_queue SET due_at = now()')
  const { rows } = await worker.claim({ limit: 1 })
  expect(rows).toHaveLength(1)
  if (handedOver) await worker.handOver(rows)
  await database.pool.query(`UPDATE email_queue SET leased_until = now() - interval '1 second'`)
  expect(await worker.reap()).toMatchObject([{ ambiguous: handedOver }])
}

it('that its row says to hold may have arrived, and its history says that nobody knows', async () => {
  const id = await insertMail(database.db, { when_ambiguous: 'hold' })
  await dieWithIt({ handedOver: true })
  expect(await previewChange(database.db, release, { filter: {} })).toMatchObject({ count: 1, ambiguous: 1 })
  expect(await showMail(database.db, id)).toMatchObject({
    status: 'held',
    errorClass: 'answer_lost',
    handedOverAt: null,
    history: [{ attempt: 1, outcome: 'ambiguous', worker: 'w@host', handedOverAt: expect.any(Date) }],
  })
})

it.each([
  ['the first', [true, false, false], 1],
  ['the last', [false, false, true], 1],
  ['none', [false, false, false], 0],
])('whose worker died three times may have arrived by %s', async (_, deaths, ambiguous) => {
  const id = await insertMail(database.db)
  for (const handedOver of deaths) await dieWithIt({ handedOver })
  expect(await showMail(database.db, id)).toMatchObject({ status: 'held', errorClass: 'worker_died', rescues: 3 })
  const released = await applyChange(database.db, release, { filter: { ids: [id] }, actor: 'ann@console' })
  expect(released).toMatchObject({ count: 1, ambiguous })
  expect(await showMail(database.db, id)).toMatchObject({ status: 'pending', attempts: 0, rescues: 0 })
})
