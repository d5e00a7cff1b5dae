import { hostname } from 'node:os'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertAttempt, insertMail, statusOf } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_attempts, audit_log RESTART IDENTITY'))

/** One whose answer was lost, one whose worker died after the hand-over, one that was adopted. */
async function insertHeld(): Promise<[lost: number, died: number, adopted: number]> {
  const lost = await insertMail(database.db, { status: 'held', error_class: 'answer_lost' })
  const died = await insertMail(database.db, { status: 'held', error_class: 'worker_died' })
  await insertAttempt(database.db, { email_id: died, outcome: 'ambiguous', error_class: 'worker_died' })
  const adopted = await insertMail(database.db, { status: 'held', error_class: 'adopted' })
  return [lost, died, adopted]
}

describe('fleet email release', () => {
  it('tells with --dry-run how many may have arrived, and does nothing', async () => {
    const [lost] = await insertHeld()
    const args = ['email', 'release', '--status', 'held', '--dry-run']
    const { code, stdout } = await fleet.run(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Would release 3 mails \(3 held\)\.\n2 of them may have arrived already, and may then arrive twice\.\n\nAll of them:\n/,
    )
    expect(await fleet.json(args)).toMatchObject({
      code: 0,
      document: { action: 'release', dryRun: true, count: 3, byStatus: { held: 3 }, ambiguous: 2, skipped: [] },
    })
    expect(await statusOf(database.db, lost)).toBe('held')
  })

  it('sends held mail after all, warns of what may arrive twice, and writes down who did it', async () => {
    const ids = await insertHeld()
    const { code, stdout, stderr } = await fleet.run(['email', 'release', '--error-class', 'answer_lost', '--yes'], {
      env: { SUDO_USER: 'carl', USER: 'root' },
    })
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'Released 1 mail (1 held).\nIt may have arrived already, and may then arrive twice.\n',
      stderr: '',
    })
    expect(await Promise.all(ids.map((id) => statusOf(database.db, id)))).toEqual(['pending', 'held', 'held'])
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toMatchObject([
      { actor_email: `carl@${hostname()}`, action: 'release', entity_id: ids[0], changes: { count: 1, ambiguous: 1 } },
    ])
  })

  it('does not warn where nothing can arrive twice', async () => {
    const [, , adopted] = await insertHeld()
    const failed = await insertMail(database.db, { status: 'failed' })
    expect(await fleet.run(['email', 'release', '--id', `${adopted},${failed}`])).toMatchObject({
      code: 0,
      stdout: `Released 1 mail (1 held).\nSkipped 1 mail (${failed}): failed, from which there is no release.\n`,
    })
  })

  it('does nothing a second time', async () => {
    await insertHeld()
    const args = ['email', 'release', '--status', 'held', '--yes']
    expect((await fleet.run(args)).stdout).toMatch(/^Released 3 mails/)
    expect(await fleet.run(args)).toMatchObject({ code: 0, stdout: 'Released 0 mails.\n' })
  })

  it.each([
    ['without a filter', [], /say which mails to release/],
    ['of another status', ['--status', 'failed'], /Expected held\./],
    ['of several without a word', ['--status', 'held'], /give --yes to do it/],
  ])('is wrong usage %s', async (_, args, reason) => {
    const [lost] = await insertHeld()
    const { code, stderr } = await fleet.run(['email', 'release', ...args])
    expect(code).toBe(2)
    expect(stderr).toMatch(reason)
    expect(await statusOf(database.db, lost)).toBe('held')
  })
})

describe('fleet email cancel', () => {
  it('takes held mail out for good', async () => {
    const ids = await insertHeld()
    const { code, stdout } = await fleet.run(['email', 'cancel', '--status', 'held', '--yes'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Cancelled 3 mails (3 held).\n' })
    expect(new Set(await Promise.all(ids.map((id) => statusOf(database.db, id))))).toEqual(new Set(['cancelled']))
  })
})
