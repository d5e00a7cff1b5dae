import type { Kysely } from 'kysely'
import { afterAll, describe, expect, it } from 'vitest'
import { migrateUp } from '../../src/db/migrator.ts'
import type { DB } from '../../src/db/schema.ts'
import { archiveBatch, monthsToArchive, readMailColumns } from '../../src/email/archive-store.ts'
import { readAddressPattern } from '../../src/ops/address-pattern.ts'
import { listMails } from '../../src/ops/list-mails.ts'
import type { MailFilter } from '../../src/ops/mail-filter.ts'
import { showMail } from '../../src/ops/show-mail.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { plansOf } from './plans.ts'
import { preview } from './replays/replaying.ts'

const months = 12
const mailsPerMonth = 4_000

const clusters: TestCluster[] = []
afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())))

async function databaseOn(major: 13 | 18): Promise<TestDatabase> {
  if (major === 18) return createTestDatabase()
  const cluster = await startCluster({ major })
  clusters.push(cluster)
  const database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
  return database
}

/** A year of archived mail, 2025, in twelve partitions: 48,000 of them on some 4,500 pages, every tenth failed. */
async function fillArchive({ pool }: TestDatabase): Promise<void> {
  for (let month = 1; month <= months; month += 1) {
    const [first, next] = [monthOf(month), monthOf(month + 1)]
    await pool.query(`
      CREATE TABLE fleet.email_archive_${first.slice(0, 7).replace('-', '_')} PARTITION OF fleet.email_archive
        FOR VALUES FROM ('${first}') TO ('${next}')`)
    await pool.query(`
      INSERT INTO fleet.email_archive (id, recipient_to, subject, body, status, enqueued_at, prio, rescues, updated_at, ended_at,
                                       template_id, error_class)
      SELECT n, format('user%s@example%s.org', n, n % 7), 's', repeat('x', 600), CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'sent' END,
             now(), 5, 0, at, at, CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'common' END,
             CASE WHEN n % 1000 = 0 THEN 'too_large' WHEN n % 10 = 0 THEN 'timeout' END
        FROM (SELECT n, '${first}'::timestamp + (n % ${mailsPerMonth}) * interval '10 minutes' AS at
                FROM generate_series(${(month - 1) * mailsPerMonth + 1}, ${month * mailsPerMonth}) n) AS mails`)
  }
  await pool.query('VACUUM ANALYZE fleet.email_archive')
}

function monthOf(month: number): string {
  return new Date(Date.UTC(2025, month - 1, 1)).toISOString().slice(0, 10)
}

function to(text: string): MailFilter {
  const pattern = readAddressPattern(text)
  if ('reason' in pattern) throw new Error(pattern.reason)
  return { to: pattern.value }
}

const list = (filter: MailFilter) => (db: Kysely<DB>) => listMails(db, filter, 20)
const window = { since: new Date('2025-03-05'), until: new Date('2025-03-06') }

const cases: [what: string, pages: number, act: (db: Kysely<DB>) => Promise<unknown>][] = [
  ['the latest', 200, list({})],
  ['the latest that failed', 100, list({ statuses: ['failed'] })],
  ['a day', 100, list(window)],
  ['some ids', 500, list({ ids: [1, 20_000, 47_999] })],
  ['the mail to one', 250, list(to('user20001@example2.org'))],
  ['the latest to a domain', 250, list(to('@example3.org'))],
  ['those of a template', 200, list({ templateId: 'rare' })],
  ['those of an error class', 200, list({ errorClass: 'too_large' })],
  ['one mail', 60, (db) => showMail(db, 20_001)],
  // It looks at them, counts them and reads them as examples, each time in all months.
  ['a replay of some ids', 300, (db) => preview(db, { filter: { ids: [10, 20_000] } })],
  ['a replay of a day', 100, (db) => preview(db, { filter: window })],
  // It also asks the ledger and the open hand-overs about each of 48 mails.
  ['a replay by error class', 400, (db) => preview(db, { filter: { errorClass: 'too_large' } })],
  ['looking for what is due', 20, (db) => monthsToArchive(db, '2026-01-01')],
  ['which columns mail takes along', 150, readMailColumns],
  [
    'archiving nothing',
    5,
    (db) =>
      archiveBatch(db, {
        columns: ['id', 'status', 'updated_at'],
        status: 'sent',
        before: '2026-01-01',
        from: '-infinity',
        size: 1000,
      }),
  ],
]

const majors = await Promise.all(
  ([13, 18] as const).map(async (major) => ({ major, installed: await hasMajor(major) })),
)

for (const { major, installed } of majors) {
  describe.skipIf(!installed)(`beside a year of archived mail, on PostgreSQL ${major}`, () => {
    it('a command reads what it shows and little more', async () => {
      const database = await databaseOn(major)
      await fillArchive(database)
      for (const [what, most, act] of cases) {
        const plans = await plansOf(database.url, act)
        const text = plans.map((plan) => plan.text).join('\n')
        expect.soft(text, what).not.toMatch(/Seq Scan on (fleet\.)?email_archive_2025/)
        expect
          .soft(
            plans.reduce((sum, { pages }) => sum + pages, 0),
            `${what}\n${text}`,
          )
          .toBeLessThan(most)
      }
      await database.pool.query(`
        INSERT INTO email_queue (recipient_to, subject, body, status, updated_at)
        SELECT 'a@example.org', 's', 'b', 'sent', '2026-01-01' FROM generate_series(1, 20)`)
      const plans = await plansOf(database.url, list({}))
      expect(plans.map(({ text }) => text).join('\n'), 'the latest, all of them in the queue').not.toContain(
        'email_archive_2025',
      )
      await database.drop()
    })
  })
}
