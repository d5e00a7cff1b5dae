import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertMail, statusOf } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { hasTerminals, runInTerminal } from './terminal.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE email_queue, audit_log, clients RESTART IDENTITY CASCADE'))

const ann = 'ann@x.org'

describe('fleet forget', () => {
  it('says with --dry-run what it would do, and does nothing', async () => {
    const id = await insertMail(database.db, { recipient_to: ann, status: 'sent' })
    const waiting = await insertMail(database.db, { recipient_to: 'bob@x.org', body: ann })
    await database.pool.query(`INSERT INTO clients (company_id, name, email) VALUES (1, 'Ann', 'ann@x.org')`)
    const { code, stdout, stderr } = await fleet.run(['forget', 'Ann@X.org', '--dry-run'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^Would erase Ann@X.org:\nTABLE +ROWS +WHAT\npublic.email_queue +1 +ended: what they said goes\n/,
    )
    expect(stdout).toMatch(new RegExp(`\\npublic.email_queue +1 +wait to be sent to others.* +${waiting}\\n`))
    expect(stdout).toMatch(/the platform has to erase:\nTABLE +ROWS +COLUMNS +IDS\npublic.clients +1 +email +1\n$/)
    const { rows } = await database.pool.query('SELECT body FROM email_queue WHERE id = $1', [id])
    expect(rows).toEqual([{ body: 'Text' }])
  })

  it('erases, and says with status 3 that something is left', async () => {
    await insertMail(database.db, { recipient_to: ann, status: 'sent' })
    const waiting = await insertMail(database.db, { recipient_to: 'bob@x.org', body: ann })
    expect(await fleet.json(['forget', ann, '--yes', '--reason', 'request 17'])).toEqual({
      code: 3,
      document: {
        action: 'forget',
        dryRun: false,
        address: expect.stringMatching(/^sha256:/),
        done: [{ table: 'public.email_queue', what: 'erased', rows: 1 }],
        left: [{ table: 'public.email_queue', reason: 'waits', rows: 1, ids: [waiting] }],
        platform: [],
        unread: [],
      },
    })
    const { rows } = await database.pool.query('SELECT actor_email, changes FROM audit_log ORDER BY id')
    expect(rows).toHaveLength(2)
    expect(rows[1]).toMatchObject({ actor_email: expect.stringMatching(/^ann@/), changes: { reason: 'request 17' } })
    await database.pool.query(`UPDATE email_queue SET status = 'sent'`)
    expect(await fleet.run(['forget', ann, '--yes'])).toMatchObject({ code: 0 })
    expect(await fleet.run(['forget', ann, '--yes'])).toEqual({
      code: 0,
      stdout: 'Nothing was left to erase of ann@x.org.\n',
      stderr: '',
    })
  })

  it('names the rights that its user lacks', async () => {
    const answer = await fleet.json(['forget', ann, '--dry-run'], { env: { DATABASE_URL: database.workerUrl } })
    expect(answer).toMatchObject({
      code: 1,
      document: {
        error: {
          code: 'RIGHTS_LACKING',
          message: expect.stringMatching(/^the user fleet_test_worker lacks .* on fleet\.adopt.* and \d+ more rights$/),
          hint: expect.stringContaining('the owner of the tables'),
        },
      },
    })
  })

  it.each([[['@x.org', '--yes']], [['ann', '--yes']], [[ann]]])('refuses %j as wrong usage', async (args) => {
    expect(await fleet.json(['forget', ...args])).toMatchObject({ code: 2, document: { error: { code: 'USAGE' } } })
  })

  it.skipIf(!hasTerminals)('asks on a terminal, having said what it would do', async () => {
    const id = await insertMail(database.db, { recipient_to: ann })
    const refused = await runInTerminal(fleet, `forget ${ann}`, { act: (terminal) => terminal.write('n\n') })
    expect(refused.screen).toContain('Would erase ann@x.org:')
    expect(refused.code).toBe(1)
    expect(await statusOf(database.db, id)).toBe('pending')
    await runInTerminal(fleet, `forget ${ann}`, { act: (terminal) => terminal.write('y\n') })
    expect(await statusOf(database.db, id)).toBe('cancelled')
  })

  it('is said by the commands that show a mail', async () => {
    const id = await insertMail(database.db, { recipient_to: ann, status: 'failed' })
    await fleet.run(['forget', ann, '--yes'])
    const [list, show, why, replay] = await Promise.all(
      [
        ['email', 'list'],
        ['email', 'show', `${id}`, '--body'],
        ['email', 'why', `${id}`],
        ['email', 'replay', '--id', `${id}`],
      ].map((args) => fleet.run(args)),
    )
    expect(list?.stdout).toMatch(/erased@invalid +\(erased\)/)
    expect(show?.stdout).toMatch(/\nErased +20.*\n(?:.*\n)*What it said was erased: 20/)
    expect(why?.stdout).toContain('What it said was erased at')
    expect(replay?.stdout).toContain('what they said was erased, so that nothing is left to send')
  })
})
