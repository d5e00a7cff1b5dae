import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listMigrations } from '../../src/db/migration-state.ts'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { archiveEnded, insertArchived, insertMail } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

/** Reverts the archive's migration, and whatever came after it. */
async function revert(): Promise<void> {
  const names = (await listMigrations(database.db)).map(({ name }) => name)
  const before = names[names.indexOf('20260303000100_create_email_archive') - 1]
  await migrateTo(database.db, before ?? null)
}

async function queued() {
  const { rows } = await sql<{ id: number; dedup_key: string | null }>`SELECT * FROM email_queue ORDER BY id`.execute(
    database.db,
  )
  return rows
}

describe('reverting the archive', () => {
  it('brings every mail back into the queue as it was, and takes the next one for new', async () => {
    const long = new Date('2020-01-01T10:00:00Z')
    for (const status of ['sent', 'failed', 'cancelled', 'expired']) {
      const times = { created_at: long, updated_at: long, scheduled_at: long, not_after: long }
      await insertMail(database.db, { status, attempts: 2, priority: 99, dedup_key: status, ...times })
    }
    await database.pool.query(`UPDATE email_queue SET enqueued_at = '2020-01-01', prio = 7 WHERE id = 1`)
    await insertMail(database.db)
    const before = await queued()
    await archiveEnded(database.db)
    expect(await queued()).toHaveLength(1)
    await revert()
    // But for columns that later migrations have added.
    expect(before).toMatchObject(await queued())
    await migrateUp(database.db)
    expect(await queued()).toEqual(before)
    const id = await insertMail(database.db, { priority: 99 })
    expect((await queued()).at(-1)).toMatchObject({ id, prio: 10, due_at: expect.any(Date) })
  })

  it('leaves a key that several mails had to the last', async () => {
    await insertArchived(database.db, { dedup_key: 'a' })
    await insertArchived(database.db, { dedup_key: 'a' })
    await insertArchived(database.db, { dedup_key: 'b' })
    await insertMail(database.db, { dedup_key: 'b' })
    await revert()
    expect((await queued()).map(({ dedup_key }) => dedup_key)).toEqual([null, 'a', null, 'b'])
  })

  it('brings back mail from every month', async () => {
    await database.pool.query(`
      CREATE TABLE fleet.email_archive_2020_01 PARTITION OF fleet.email_archive FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')`)
    await insertArchived(database.db, { updated_at: new Date('2020-01-15T00:00:00Z') })
    await insertArchived(database.db, { updated_at: new Date('2020-02-15T00:00:00Z') })
    await revert()
    expect(await queued()).toHaveLength(2)
  })
})
