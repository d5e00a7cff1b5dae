import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mailStates } from '../../src/ops/why/mail-explanation.ts'
import { notificationStates } from '../../src/ops/why/notification-explanation.ts'
import { subscriptionStates } from '../../src/ops/why/subscription-explanation.ts'
import { insertAttempt, insertMail } from '../ops/mails.ts'
import { insertNotice } from '../ops/notifications/notices.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let database: TestDatabase
let fleet: Fleet
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))

it('says in one sentence why a mail is where it is, what to do, and on what evidence', async () => {
  const id = await insertMail(database.db, {
    status: 'failed',
    attempts: 3,
    error_class: 'mailbox_full',
    last_error: '452 full\u001b[31m (after 3 attempts)',
  })
  await insertAttempt(database.db, {
    email_id: id,
    outcome: 'soft_failure',
    error_class: 'mailbox_full',
    reply: '452 full',
    worker: 'email@a:1',
  })
  const { code, stdout } = await fleet.run(['email', 'why', String(id)])
  expect(code).toBe(0)
  const [sentence, remedy, , ...evidence] = stdout.trimEnd().split('\n')
  expect(sentence).toMatch(/^Failed at .* UTC \(.*\) after 3 attempts, mailbox_full: 452 full.*\.$/)
  expect(stdout).not.toContain('\u001b')
  expect(remedy).toBe(`To do: once the cause is mended: fleet email replay --id ${id}`)
  expect(evidence).toEqual([
    expect.stringMatching(/ {2}queued$/),
    expect.stringMatching(/ {2}the first by email@a:1: soft_failure: 452 full \(mailbox_full\)$/),
  ])
  expect(await fleet.json(['email', 'why', String(id)])).toMatchObject({
    code: 0,
    document: {
      state: 'failed',
      sentence: expect.any(String),
      facts: { mail: { id }, now: expect.stringMatching(/Z$/) },
    },
  })
})

it('knows notifications, projects and portraits, too', async () => {
  const id = await insertNotice(database.db)
  expect((await fleet.run(['notification', 'why', String(id)])).stdout).toMatch(
    /^Waiting: due since .*no worker for telegram is alive\.\nTo do: start one/,
  )
  await database.pool.query(`INSERT INTO projects (id, company_id, name, slug) VALUES (7, 1, 'Hall', 'hall')`)
  expect((await fleet.run(['project', 'why', '7'])).stdout).toMatch(
    /^Project 7 \(Hall\) of .* has no end, so nobody is told of one\.\n$/,
  )
})

it.each([
  ['email', 'MAIL_UNKNOWN'],
  ['notification', 'NOTIFICATION_UNKNOWN'],
  ['project', 'PROJECT_UNKNOWN'],
  ['portrait', 'PORTRAIT_UNKNOWN'],
])('%s why: an unknown id is an error', async (noun, code) => {
  expect(await fleet.json([noun, 'why', '99'])).toMatchObject({ code: 1, document: { error: { code } } })
})

it('docs/why.md has every state', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/why.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, state]) => state)
  const states = new Set([...mailStates, ...notificationStates, ...subscriptionStates])
  expect([...new Set(listed)].sort()).toEqual([...states].sort())
})
