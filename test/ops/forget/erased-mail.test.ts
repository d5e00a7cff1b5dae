import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { emailTable } from '../../../src/email/store.ts'
import { release } from '../../../src/ops/release-mails.ts'
import { carryOnReplay } from '../../../src/ops/replays/carry-on.ts'
import { createReplay } from '../../../src/ops/replays/create-replay.ts'
import { showMail } from '../../../src/ops/show-mail.ts'
import { applyChange } from '../../../src/ops/status-change.ts'
import { explainMail } from '../../../src/ops/why/mail-explanation.ts'
import { readMailFacts } from '../../../src/ops/why/mail-facts.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertArchived, insertMail, statusOf } from '../mails.ts'
import { replayAll, toRequest } from '../replays/replaying.ts'
import { remains, runForget } from './forgetting.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query('TRUNCATE email_queue, fleet.email_archive, fleet.replays, fleet.replay_items RESTART IDENTITY'),
)

const ann = 'ann@x.org'
const signal = new AbortController().signal

describe.each([
  ['in the queue', insertMail],
  ['in the archive', insertArchived],
])('an erased mail %s', (_, insert) => {
  it('is not replayed', async () => {
    const id = await insert(database.db, { recipient_to: ann, status: 'failed' })
    await runForget(database.db, ann)
    const refused = { count: 0, skipped: [{ reason: 'erased', count: 1, ids: [id] }] }
    expect(await replayAll(database.db, { filter: { ids: [id] } })).toMatchObject(refused)
  })

  it('is not replayed after it was sent', async () => {
    const id = await insert(database.db, { recipient_to: ann, status: 'sent' })
    await runForget(database.db, ann)
    const report = await replayAll(database.db, { filter: { ids: [id] }, includesSent: true })
    expect(report).toMatchObject({ count: 0, skipped: [{ reason: 'erased', ids: [id] }] })
  })

  it('is left out of a replay that meant it before it was erased', async () => {
    const id = await insert(database.db, { recipient_to: ann, status: 'failed' })
    const other = await insert(database.db, { recipient_to: 'bob@x.org', status: 'failed' })
    const created = await createReplay(database.db, toRequest({ filter: { ids: [id, other] } }))
    await runForget(database.db, ann)
    await carryOnReplay(database.db, created.id ?? 0, { signal })
    const { rows } = await sql`SELECT email_id, state, reason FROM fleet.replay_items ORDER BY email_id`.execute(
      database.db,
    )
    expect(rows).toEqual([
      { email_id: id, state: 'skipped', reason: 'erased' },
      { email_id: other, state: 'replayed', reason: null },
    ])
    const archivedAt = insert === insertArchived ? expect.any(Date) : null
    expect(await showMail(database.db, id)).toMatchObject({ status: 'failed', to: 'erased@invalid', archivedAt })
  })

  it('says that it was erased, and that nothing can be done', async () => {
    const id = await insert(database.db, { recipient_to: ann, status: 'failed', error_class: 'mailbox_full' })
    await runForget(database.db, ann)
    expect(await showMail(database.db, id)).toMatchObject({ erasedAt: expect.any(Date), subject: '', textBytes: 0 })
    const facts = await readMailFacts(database.db, id)
    if (facts === undefined) throw new Error('there is no such mail')
    const { state, sentence, remedy } = explainMail(facts)
    expect([state, remedy]).toEqual(['failed', null])
    expect(sentence).toMatch(
      /mailbox_full: the answer was erased\. What it said was erased at .* it cannot be sent again\.$/,
    )
  })
})

it('is not released', async () => {
  const id = await insertMail(database.db, { recipient_to: ann, status: 'held' })
  await sql`UPDATE email_queue SET erased_at = now()`.execute(database.db)
  const report = await applyChange(database.db, release, { filter: { ids: [id] }, actor: 'ann@host' })
  expect(report).toMatchObject({ count: 0, skipped: [{ reason: 'erased', ids: [id] }] })
})

it.each(['pending', 'sending', 'held', null])('stays as it is when a program sets it to %s', async (status) => {
  const id = await insertMail(database.db, {
    recipient_to: ann,
    status: 'failed',
    attempts: 2,
    updated_at: '2026-03-02',
  })
  await runForget(database.db, ann)
  await sql`UPDATE email_queue SET status = ${status}`.execute(database.db)
  const { rows } = await sql`SELECT status, attempts, updated_at::text FROM email_queue WHERE id = ${id}`.execute(
    database.db,
  )
  expect(rows).toEqual([{ status: 'failed', attempts: 2, updated_at: '2026-03-02 00:00:00' }])
})

it('becomes sent when a worker that was thought dead says so after all, and learns no address by it', async () => {
  const id = await insertMail(database.db, { recipient_to: ann })
  const table = emailTable(database, {
    owner: 'w',
    leaseSeconds: 60,
    messageIdDomain: 'x.org',
    holdAmbiguous: [],
  })
  const { rows } = await table.claim({ limit: 1 })
  await sql`UPDATE email_queue SET status = 'cancelled', leased_until = NULL`.execute(database.db)
  await runForget(database.db, ann)
  const recipients = { [ann]: { state: 'accepted', reply: '250 ok' } }
  await table.record([
    {
      id,
      token: rows[0]?.token ?? '',
      settlement: { status: 'sent' },
      entry: undefined,
      details: { recipients },
      delivered: { recipients },
    },
  ])
  expect(await statusOf(database.db, id)).toBe('sent')
  expect(await remains(database, ann)).toEqual([])
})
