import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertMail, statusOf } from '../ops/mails.ts'
import { insertNotice } from '../ops/notifications/notices.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { hasTerminals, runInTerminal, type TerminalOptions, type } from './terminal.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url, TERM: 'xterm' })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE email_queue RESTART IDENTITY'))

const inTerminal = (command: string, options?: TerminalOptions) => runInTerminal(fleet, command, options)

describe.skipIf(!hasTerminals)('at a terminal', () => {
  it('a table fits, has colours, and tells times from now', async () => {
    const subject = 'Напоминание о подписке 漢字 '.repeat(5)
    await insertMail(database.db, {
      subject,
      status: 'failed',
      updated_at: new Date(Date.now() - 3 * 3_600_000 - 5_000),
    })
    const { code, screen } = await inTerminal('email list', { columns: 60 })
    expect(code).toBe(0)
    expect(screen).toContain('\u001b[31mfailed\u001b[39m')
    const lines = stripVTControlCharacters(screen).trimEnd().split('\n')
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBe(60)
    expect(lines[1]).toMatch(/… .*3 h ago$/)
  })

  it('a table of many columns fits a narrow one, too', async () => {
    const last_error = 'Forbidden: bot was blocked by the user'
    await insertNotice(database.db, {
      subject: 'Hello '.repeat(9),
      status: 'failed',
      error_class: 'blocked',
      last_error,
    })
    const { screen } = await inTerminal('notification list', { columns: 80 })
    const lines = stripVTControlCharacters(screen).trimEnd().split('\n')
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(80)
    expect(lines[0]).toMatch(/^ID +STATUS +CHANNEL +PRIO +TO +SUBJECT /)
  })

  it.each([
    ['yes', 'y\r', 0, 'pending'],
    ['no', 'n\r', 1, 'failed'],
    ['the end of the input, which is a no', '\u0004', 1, 'failed'],
    ['Ctrl-C', '\u0003', 130, 'failed'],
  ])('a change of several mails asks, and takes %s for an answer', async (_, keys, code, status) => {
    const ids = [
      await insertMail(database.db, { status: 'failed' }),
      await insertMail(database.db, { status: 'failed' }),
    ]
    const run = await inTerminal('email replay --status failed', { act: type(keys) })
    expect(run.screen).toContain('Replay 2 mails (2 failed)? [y/N]')
    expect(run.code).toBe(code)
    expect(await Promise.all(ids.map((id) => statusOf(database.db, id)))).toEqual([status, status])
  })

  it('a release of what may have arrived says so before it asks, even of one', async () => {
    const id = await insertMail(database.db, { status: 'held', error_class: 'answer_lost' })
    const { code, screen } = await inTerminal('email release --status held', { act: type('n\r') })
    expect(code).toBe(1)
    expect(stripVTControlCharacters(screen)).toMatch(
      /It may have arrived already, and may then arrive twice\.\s+Release 1 mail \(1 held\)\? \[y\/N\]/,
    )
    expect(await statusOf(database.db, id)).toBe('held')
  })

  it('a change of one mail does not ask', async () => {
    const id = await insertMail(database.db, { status: 'failed' })
    expect(await inTerminal('email replay --status failed')).toMatchObject({ code: 0 })
    expect(await statusOf(database.db, id)).toBe('pending')
  })

  it('a migration down says what it reverts, and asks', async () => {
    const { code, screen } = await inTerminal('migrate down', { act: type('n\r') })
    expect(code).toBe(1)
    expect(stripVTControlCharacters(screen)).toMatch(
      /This reverts:\n {2}\d+_\w+\nNo row would be lost\.\n[\s\S]*Go on\? \[y\/N\]/,
    )
  })

  it('shows that something is going on when it takes longer than a second', async () => {
    const holder = await database.pool.connect()
    try {
      await holder.query(`SELECT pg_advisory_lock(hashtextextended('fleet.migrations', 0))`)
      const run = await inTerminal('migrate up', {
        waitFor: 'Migrating',
        act: () => holder.query('SELECT pg_advisory_unlock_all()'),
      })
      expect(run.code).toBe(0)
      expect(stripVTControlCharacters(run.screen)).toMatch(/Nothing to do\.\n$/)
    } finally {
      holder.release(true)
    }
  })
})
