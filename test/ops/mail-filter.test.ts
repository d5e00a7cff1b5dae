import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readAddressPattern } from '../../src/ops/address-pattern.ts'
import { listMails } from '../../src/ops/list-mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { archiveEnded, insertMail } from './mails.ts'
import { insertRandomMails, isArchived, isMeant, randomFilter, randomMail, toMailFilter } from './random-mails.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE email_queue, fleet.email_archive RESTART IDENTITY'))

it('means in SQL what it means in words, for any mails of queue and archive, any filter and any limit', async () => {
  const { db, pool } = database
  await fc.assert(
    fc.asyncProperty(
      fc.array(randomMail, { minLength: 20, maxLength: 40 }),
      fc.array(randomFilter, { minLength: 10, maxLength: 10 }),
      async (mails, filters) => {
        await pool.query('TRUNCATE email_queue, fleet.email_archive')
        await insertRandomMails(db, mails)
        for (const filter of filters) {
          const found = await listMails(db, toMailFilter(filter), mails.length)
          const meant = mails.flatMap((mail, index) => (isMeant(mail, filter) ? [{ mail, id: index + 1 }] : []))
          meant.sort((a, b) => b.mail.changedAt.getTime() - a.mail.changedAt.getTime() || b.id - a.id)
          expect(found.map(({ id, archivedAt }) => ({ id, archived: archivedAt !== null }))).toEqual(
            meant.map(({ mail, id }) => ({ id, archived: isArchived(mail) })),
          )
          for (const limit of [1, 3, 10])
            expect(await listMails(db, toMailFilter(filter), limit)).toEqual(found.slice(0, limit))
        }
      },
    ),
    { numRuns: 25 },
  )
})

describe('--to', () => {
  async function finds(to: string, field: string): Promise<boolean> {
    const pattern = readAddressPattern(to)
    if ('reason' in pattern) throw new Error(pattern.reason)
    await insertMail(database.db, { recipient_to: field, status: 'failed' })
    const inQueue = await listMails(database.db, { to: pattern.value }, 1)
    await archiveEnded(database.db)
    const inArchive = await listMails(database.db, { to: pattern.value }, 1)
    expect(inArchive.length).toBe(inQueue.length)
    return inQueue.length === 1
  }

  it.each([
    ['ann@example.org', 'ann@example.org'],
    ['ann@example.org', '<ann@example.org>'],
    ['ann@example.org', '  Ann   <  ANN@EXAMPLE.ORG > '],
    ['ann@example.org', 'Friends: bob@example.org, ann@example.org;'],
    ['a+b.c@example.org', 'x@example.org;a+b.c@example.org'],
    ['"a b"@example.org', '"a b"@example.org'],
    ['@example.org', '"a,b"@example.org'],
    ['info@пример.рф', 'info@пример.рф'],
    ['info@пример.рф', 'info@xn--e1afmkfd.xn--p1ai'],
    ['info@xn--e1afmkfd.xn--p1ai', 'Инфо <info@ПРИМЕР.рф>'],
    ['@[192.0.2.1]', 'ann@[192.0.2.1]'],
  ])('%s is in %s', async (to, field) => expect(await finds(to, field)).toBe(true))

  it.each([
    ['ann@example.org', 'joann@example.org'],
    ['ann@example.org', 'ann@example.organic'],
    ['ann@example.org', 'ann@example.org.uk'],
    ['ann@example.org', '"ann@example.org" <bob@example.com>'],
    ['ann@example.org', 'ann@example.org <bob@example.com>'],
    ['a%@example.org', 'ann@example.org'],
    ['a.n@example.org', 'ann@example.org'],
    ['@example.org', 'ann@sub.example.org'],
    ['@example.org', '"@example.org" <ann@example.com>'],
  ])('%s is not in %s', async (to, field) => expect(await finds(to, field)).toBe(false))

  it.each(['', 'ann', 'ann@', '@', '@-', 'ann@exa mple.org', 'a@b@c'])('%j is no address and no domain', (text) => {
    expect(readAddressPattern(text)).toHaveProperty('reason')
  })
})

describe('the time of the last change', () => {
  it('is right for a mail that a session in another time zone has queued', async () => {
    const client = await database.pool.connect()
    try {
      await client.query(`SET TimeZone = 'Asia/Vladivostok'`)
      await client.query(`INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@example.org', 's', 'b')`)
    } finally {
      client.release(true)
    }
    const { rows } = await sql<{ now: Date }>`SELECT fleet.utc_now() AS now`.execute(database.db)
    const now = rows[0]?.now ?? new Date(0)
    const around = { since: new Date(now.getTime() - 60_000), until: new Date(now.getTime() + 60_000) }
    expect(await listMails(database.db, around, 10)).toHaveLength(1)
  })

  it('takes the beginning of a window in, and leaves the end out', async () => {
    const at = new Date('2026-11-20T10:00:00Z')
    const later = new Date('2026-11-20T11:00:00Z')
    await insertMail(database.db, { status: 'failed', updated_at: at })
    expect(await listMails(database.db, { since: at, until: later }, 10)).toHaveLength(1)
    expect(await listMails(database.db, { until: at }, 10)).toHaveLength(0)
  })
})
