import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adoptionReport } from '../../src/db/adoption/report.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { emailTable } from '../../src/email/store.ts'
import { archiveMail } from '../../src/maintenance/email-archive.ts'
import { giveBack } from '../../src/queue/drain.ts'
import { maintenanceOf } from '../maintenance/maintenance.ts'
import { replayAll } from '../ops/replays/replaying.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { checksums, fillPlatform } from './installation-rows.ts'
import { platformColumns } from './platform-columns.ts'
import { installPlatform } from './platform-installation.ts'

const beforeTheQueue = '20260101001100_insert_default_data'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyTestDatabase()
  await installPlatform(database.pool, 'in one go')
  await fillPlatform(database.pool)
})
afterEach(() => database.drop())

describe('mail that waits when the fleet comes', () => {
  test('is held where it is due, and goes on waiting for a time to come', async () => {
    await migrateUp(database.db)
    // Rows 4 and later: those before are of the table's filling.
    expect(await statuses()).toEqual([
      'held: adopted, prio 5',
      'held: adopted, prio 5',
      'held: adopted, prio 1',
      'held: adopted, prio 10',
      'held: adopted, prio 5',
      'queued',
      'held',
      'expired',
      'sent',
      'failed',
      'cancelled',
      'pending at 2999-05-01T10:00:00.000Z, prio 10',
      'pending at 2999-05-01T10:00:00.000Z, prio 5',
    ])
  })

  test('keeps everything else that the platform wrote: updated_at, priority, attempts, times', async () => {
    const columns = platformColumns.filter(({ table, column }) => table === 'email_queue' && column !== 'status')
    const rows = `SELECT ${columns.map(({ column }) => column).join(', ')} FROM email_queue ORDER BY id`
    const before = (await database.pool.query(rows)).rows
    await migrateUp(database.db)
    expect((await database.pool.query(rows)).rows).toEqual(before)
  })

  test('is reported', async () => {
    await migrateUp(database.db)
    const report = await adoptionReport(database.db)
    expect(report?.foundTables).toHaveLength(16)
    expect(report?.notes.filter(({ object }) => object === 'mail email_queue')).toEqual([
      {
        object: 'mail email_queue',
        isChanged: true,
        change: '6 due, held with error_class adopted: replay or cancel them',
        at: expect.any(Date),
      },
      {
        object: 'mail email_queue',
        isChanged: true,
        change: '1 scheduled for later, status NULL became pending',
        at: expect.any(Date),
      },
    ])
  })

  test('has its status back after down, unless it has gone out or was cancelled meanwhile', async () => {
    const before = await platformStatuses()
    await migrateUp(database.db)
    await database.pool.query(`
      UPDATE email_queue SET status = 'pending' WHERE id IN (4, 5, 6);
      UPDATE email_queue SET status = 'sent' WHERE id = 4;
      UPDATE email_queue SET status = 'cancelled' WHERE id = 7`)
    await migrateTo(database.db, beforeTheQueue)
    expect(await platformStatuses()).toEqual({ ...before, 4: 'sent', 7: 'cancelled' })
  })

  test('and nothing is different after up, down and up again', async () => {
    await migrateUp(database.db)
    const before = { rows: await checksums(database.pool), statuses: await statuses() }
    await migrateTo(database.db, beforeTheQueue)
    await migrateUp(database.db)
    expect({ rows: await checksums(database.pool), statuses: await statuses() }).toEqual(before)
  })

  test('leaves the triggers of the table as they were, also one that somebody had turned off', async () => {
    const { pool } = database
    const state = () =>
      pool.query(
        `SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'email_queue'::regclass AND tgname LIKE 'mine%' ORDER BY 1`,
      )
    await pool.query(`
      CREATE TRIGGER mine_off BEFORE UPDATE ON email_queue FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
      CREATE TRIGGER mine_always BEFORE UPDATE ON email_queue FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
      ALTER TABLE email_queue DISABLE TRIGGER mine_off, ENABLE ALWAYS TRIGGER mine_always`)
    const before = (await state()).rows
    await migrateUp(database.db)
    expect((await state()).rows).toEqual(before)
  })

  test('can be replayed, and is worked on whatever numbers the platform left in it', async () => {
    const { db, pool } = database
    await migrateUp(db)
    expect(await replayAll(db, { filter: { errorClass: 'adopted' } })).toMatchObject({
      count: 6,
      byStatus: { held: 6 },
      skipped: [],
    })
    await pool.query(`UPDATE email_queue SET scheduled_at = '2026-01-01' WHERE scheduled_at > '2999-01-01'`)

    const worker = emailTable(database, {
      owner: 'worker',
      leaseSeconds: 60,
      messageIdDomain: 'vertex.example',
      holdAmbiguous: [],
    })
    const { rows } = await worker.claim({ limit: 100 })
    const recorded = await worker.record(rows.map((row) => ({ ...giveBack(row), settlement: { status: 'sent' } })))

    // The most urgent first; the one that may make no attempt at all gets one.
    expect(rows.map(({ attempt, max_attempts }) => `${attempt} of ${max_attempts}`)).toEqual([
      ...Array.from({ length: 7 }, () => '1 of 3'),
      '1 of 0',
    ])
    expect(recorded).toEqual({ fenced: [], locked: [] })
    expect((await statuses()).filter((status) => status === 'sent')).toHaveLength(8)
  })

  test('is left alone by workers until then', async () => {
    await migrateUp(database.db)
    const worker = emailTable(database, {
      owner: 'worker',
      leaseSeconds: 60,
      messageIdDomain: 'vertex.example',
      holdAmbiguous: [],
    })
    expect(await worker.claim({ limit: 100 })).toEqual({ rows: [], expired: [], more: false })
    expect(await worker.reap()).toEqual([])
  })
})

describe("a platform's own columns of the mail queue", () => {
  beforeEach(async () => {
    await database.pool.query(`
      ALTER TABLE email_queue ADD COLUMN "Campaign.Id" text, ADD COLUMN length integer GENERATED ALWAYS AS (length(subject)) STORED;
      TRUNCATE email_queue RESTART IDENTITY`)
    await migrateUp(database.db)
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status, updated_at, "Campaign.Id")
      VALUES ('ann@example.org', 'Hello', 'Text', 'failed', '2020-01-01', 'spring')`)
    expect(await archiveMail(maintenanceOf(database), { count: 90, unit: 'days' })).toEqual({ moved: 1 })
  })

  test('go to the archive with their mail, and come back when it is replayed', async () => {
    const { db, pool } = database
    expect((await pool.query('SELECT "Campaign.Id" FROM fleet.email_archive')).rows).toEqual([
      { 'Campaign.Id': 'spring' },
    ])
    expect(await replayAll(db, { filter: { ids: [1] } })).toMatchObject({ archived: 1 })
    expect((await pool.query('SELECT status, "Campaign.Id", length FROM email_queue')).rows).toEqual([
      { status: 'pending', 'Campaign.Id': 'spring', length: 5 },
    ])
  })

  test('come back on down, too', async () => {
    await migrateTo(database.db, beforeTheQueue)
    expect((await database.pool.query('SELECT "Campaign.Id", length FROM email_queue')).rows).toEqual([
      { 'Campaign.Id': 'spring', length: 5 },
    ])
  })
})

async function statuses(): Promise<string[]> {
  const rows = await database.db.selectFrom('email_queue').selectAll().where('id', '>', 3).orderBy('id').execute()
  return rows.map(({ status, error_class, due_at, prio }) => {
    if (status === 'pending') return `pending at ${due_at?.toISOString()}, prio ${prio}`
    return error_class === null ? `${status}` : `${status}: ${error_class}, prio ${prio}`
  })
}

async function platformStatuses(): Promise<Record<number, string | null>> {
  const { rows } = await database.pool.query<{ id: number; status: string | null }>(
    'SELECT id, status FROM email_queue',
  )
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]))
}
