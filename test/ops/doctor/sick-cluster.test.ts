import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateUp } from '../../../src/db/migrator.ts'
import { autovacuumCheck } from '../../../src/ops/doctor/autovacuum-check.ts'
import type { Check, DatabaseContext } from '../../../src/ops/doctor/check.ts'
import { durabilityCheck } from '../../../src/ops/doctor/durability-check.ts'
import { examineAll } from '../../../src/ops/doctor/examine.ts'
import { createHorizonCheck, horizonCheck } from '../../../src/ops/doctor/horizon-check.ts'
import { hasMajor, startCluster, type TestCluster } from '../../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../../support/database.ts'
import { hostWith, told } from './host.ts'

let cluster: TestCluster
let database: TestDatabase
beforeAll(async () => {
  cluster = await startCluster({
    // The oldest, so that no check asks what it does not know.
    major: (await hasMajor(12)) ? 12 : 18,
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      autovacuum: 'off',
      track_counts: 'off',
      max_prepared_transactions: 2,
    },
  })
  database = await createEmptyTestDatabase(cluster.adminUrl)
  await migrateUp(database.db)
})
afterAll(async () => {
  await database.drop()
  await cluster.remove()
})

const findingsOf = async (check: Check<DatabaseContext>) =>
  told(await check.examine({ ...hostWith(), db: database.db }))
const run = (text: string) => database.pool.query(text)

describe('a cluster that was set up to be fast', () => {
  it('is found not to be durable, until what is told mends it', async () => {
    await run('CREATE ROLE hasty; ALTER ROLE hasty SET synchronous_commit = off')
    await run('ALTER DATABASE postgres SET synchronous_commit = off')
    await run(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`)
    await run(`ALTER ROLE hasty IN DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`)
    const { findings } = await durabilityCheck.examine({ ...hostWith(), db: database.db })
    expect(told({ findings })).toEqual([
      expect.stringMatching(
        /^error DURABILITY_OFF: fsync is off, full_page_writes is off, synchronous_commit is off, .* for hasty, .* for hasty in test_\w+ and 1 more$/,
      ),
    ])
    const [, ...statements] = findings[0]?.remedy.split(/psql: |; /) ?? []
    for (const statement of statements) await run(statement)
    await expect.poll(() => findingsOf(durabilityCheck)).toEqual([])
  })

  it('is found to clear nothing away', async () => {
    expect(await findingsOf(autovacuumCheck)).toEqual(['error AUTOVACUUM_OFF: autovacuum and track_counts: off'])
  })

  it('is found to be held back by what was left open', async () => {
    const impatient = createHorizonCheck({ patienceSeconds: 0 })
    expect(await findingsOf(impatient)).toEqual([])
    const client = await database.pool.connect()
    try {
      await client.query("BEGIN; PREPARE TRANSACTION 'forgotten'")
      await client.query("SELECT pg_create_physical_replication_slot('standby', true)")
      await client.query('BEGIN')
      expect(await findingsOf(impatient)).toEqual([
        expect.stringMatching(/^warning TRANSACTION_OLD: process \d+ \(\w+, fleet-test\), open since 20.* UTC$/),
        expect.stringMatching(/^warning PREPARED_TRANSACTION_OLD: 'forgotten', prepared 20.* UTC$/),
        'warning REPLICATION_SLOT_IDLE: standby (physical)',
      ])
      expect(await findingsOf(horizonCheck)).toEqual(['warning REPLICATION_SLOT_IDLE: standby (physical)'])
    } finally {
      await client.query('ROLLBACK')
      client.release()
      await run("ROLLBACK PREPARED 'forgotten'")
    }
  })

  it('can be examined from end to end', async () => {
    const { checks } = await examineAll({ host: hostWith({ SMTP_URL: 'mailbox:' }), database })
    expect(checks.flatMap(({ findings }) => findings.filter(({ code }) => code.startsWith('CHECK_')))).toEqual([])
  })
})
