import { hostname } from 'node:os'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertArchived, insertMail, statusOf } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() =>
  database.pool.query(
    'TRUNCATE email_queue, fleet.email_archive, fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY',
  ),
)

const anHourAgo = new Date(Date.now() - 3_600_000)

describe('fleet email replay', () => {
  it('replays what is named by its id without asking, and says what it left alone', async () => {
    const failed = await insertMail(database.db, { status: 'failed' })
    const sent = await insertMail(database.db, { status: 'sent' })
    const { code, stdout, stderr } = await fleet.run(['email', 'replay', '--id', `${failed},${sent}`])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'Replayed 1 mail (1 failed): replay 1.\nSkipped 1 mail (2): sent, from which there is no replay.\n',
      stderr: '',
    })
    expect(await statusOf(database.db, failed)).toBe('pending')
  })

  it('ends with 1 where an id is unknown', async () => {
    await insertMail(database.db, { status: 'failed' })
    expect(await fleet.json(['email', 'replay', '--id', '77'])).toMatchObject({
      code: 1,
      document: { error: { code: 'MAIL_UNKNOWN', message: 'no mail has the id 77' } },
    })
    expect(await fleet.json(['email', 'replay', '--id', '1', '--id', '77'])).toEqual({
      code: 1,
      document: {
        action: 'replay',
        dryRun: false,
        replay: expect.any(Number),
        state: 'done',
        count: 1,
        byStatus: { failed: 1 },
        archived: 0,
        ambiguous: 0,
        skipped: [{ reason: 'unknown', count: 1, ids: [77] }],
      },
    })
  })

  it('tells with --dry-run what it would do, and does nothing', async () => {
    const id = await insertMail(database.db, { status: 'failed', template_id: 't' })
    const late = await insertMail(database.db, { status: 'expired', template_id: 't', not_after: anHourAgo })
    const args = ['email', 'replay', '--template', 't', '--dry-run']
    const { code, stdout } = await fleet.run(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Would replay 1 mail \(1 failed\)\.\nSkipped 1 mail \(2\): not_after has passed, .* expire\.\n\nAll of them:\nID +TO +SUBJECT\n 1 +ann@example\.org +Hello\n/,
    )
    expect(await fleet.json(args)).toEqual({
      code: 0,
      document: {
        action: 'replay',
        dryRun: true,
        count: 1,
        byStatus: { failed: 1 },
        archived: 0,
        ambiguous: 0,
        byErrorClass: [{ of: null, count: 1 }],
        byDomain: [{ of: 'example.org', count: 1 }],
        byTemplate: [{ of: 't', count: 1 }],
        byAge: [{ of: 'under 1 h', count: 1 }],
        examples: [{ id, to: 'ann@example.org', subject: 'Hello', errorClass: null }],
        skipped: [{ reason: 'would_expire', count: 1, ids: [late] }],
      },
    })
    expect(await statusOf(database.db, id)).toBe('failed')
  })

  it('replays by filters with --yes, and writes down who did', async () => {
    for (const error_class of ['timeout', 'timeout', 'too_large'])
      await insertMail(database.db, { status: 'failed', error_class })
    const { code, stdout } = await fleet.run(
      ['email', 'replay', '--error-class', 'timeout', '--since', '2h', '--yes'],
      {
        env: { SUDO_USER: 'carl', USER: 'root' },
      },
    )
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Replayed 2 mails (2 failed): replay 1.\nWhat comes of it: fleet replay show 1\n',
    })
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toMatchObject([
      {
        actor_email: `carl@${hostname()}`,
        action: 'replay',
        entity_id: 0,
        changes: { filter: { errorClass: 'timeout', since: expect.any(String) }, count: 2 },
      },
    ])
  })
})

describe('fleet email replay of archived mail', () => {
  it('counts it by itself, says what a newer mail keeps it from, and moves the rest back', async () => {
    const free = await insertArchived(database.db, { template_id: 't', dedup_key: 'free' })
    const taken = await insertArchived(database.db, { template_id: 't', dedup_key: 'taken' })
    const queued = await insertMail(database.db, { status: 'held', template_id: 't', dedup_key: 'taken' })
    const counts = '2 mails \\((1 failed, 1 held|1 held, 1 failed)\\), 1 of them archived'
    const skipped = `Skipped 1 mail \\(${taken}\\): archived, and a newer mail has its dedup_key; .*\\.\\n`
    const dryRun = await fleet.run(['email', 'replay', '--template', 't', '--dry-run'])
    expect(dryRun.stdout).toMatch(new RegExp(`^Would replay ${counts}\\.\\n${skipped}\\nMAILS [^]*\\nAll of them:\\n`))
    expect(await database.db.selectFrom('fleet.email_archive').select('id').execute()).toHaveLength(2)
    const done = await fleet.run(['email', 'replay', '--template', 't', '--yes'])
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^Replayed ${counts}: replay 1\\.\\n${skipped}What comes of it: fleet replay show 1\\n$`),
      ),
    })
    expect(await Promise.all([free, queued].map((id) => statusOf(database.db, id)))).toEqual(['pending', 'pending'])
    expect(await database.db.selectFrom('fleet.email_archive').select('id').execute()).toEqual([{ id: taken }])
  })

  it('answers programs how many were archived', async () => {
    const id = await insertArchived(database.db, { status: 'expired' })
    expect(await fleet.json(['email', 'replay', '--id', String(id)])).toEqual({
      code: 0,
      document: {
        action: 'replay',
        dryRun: false,
        replay: expect.any(Number),
        state: 'done',
        count: 1,
        byStatus: { expired: 1 },
        archived: 1,
        ambiguous: 0,
        skipped: [],
      },
    })
  })
})

describe('fleet email cancel', () => {
  it('says of archived mail that it has ended', async () => {
    const id = await insertArchived(database.db, { status: 'sent' })
    const { code, stdout } = await fleet.run(['email', 'cancel', '--id', String(id)])
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Cancelled 0 mails.\nSkipped 1 mail (${id}): sent, from which there is no cancel.\n`,
    })
  })

  it('cancels what waits, and warns of what is being sent', async () => {
    const waiting = await insertMail(database.db, { recipient_to: 'a@example.com' })
    const sending = await insertMail(database.db, { recipient_to: 'b@example.com', status: 'sending' })
    const other = await insertMail(database.db)
    const { code, stdout } = await fleet.run(['email', 'cancel', '--to', '@example.com', '--yes'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Cancelled 2 mails \((1 pending, 1 sending|1 sending, 1 pending)\)\.\nThose that were being sent may be out already\.\n$/,
    )
    expect(await Promise.all([waiting, sending, other].map((id) => statusOf(database.db, id)))).toEqual([
      'cancelled',
      'cancelled',
      'pending',
    ])
  })
})
