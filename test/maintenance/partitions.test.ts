import pg from 'pg'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectDatabase } from '../../src/db/pool.ts'
import { attachPartition, preparePartition, validatePartition } from '../../src/maintenance/partition-store.ts'
import { keepPartitions, makePartition } from '../../src/maintenance/partitions.ts'
import { dropPast } from '../../src/maintenance/retention.ts'
import { foreignZones, inSession } from '../migrations/foreign-session.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fillDefault, insertAudit, maintenanceOf, partitionsOf, placesOf, setClock } from './maintenance.ts'

let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, '2026-11-24 21:00:00')
})
afterEach(() => database.drop())

const auditLog = 'public.audit_log'
const tables = [
  'fleet.email_archive',
  'fleet.email_attempts',
  'fleet.notification_attempts',
  'public.ar_view_sessions',
  auditLog,
]
const names = async () => (await partitionsOf(database, auditLog)).map((line) => line.split(' ')[0])

describe('the keeper', () => {
  test('makes this month and three to come, and has nothing to do a second time', async () => {
    const months = ['2026-11', '2026-12', '2027-01', '2027-02']
    const made = tables.flatMap((table) => months.map((month) => `${table} ${month}`))
    expect(await keepPartitions(maintenanceOf(database))).toEqual({ made, left: [] })
    expect(await keepPartitions(maintenanceOf(database))).toEqual({ made: [], left: [] })
    expect(await partitionsOf(database, auditLog)).toEqual([
      `audit_log_2026_11 FROM ('2026-11-01 00:00:00') TO ('2026-12-01 00:00:00')`,
      `audit_log_2026_12 FROM ('2026-12-01 00:00:00') TO ('2027-01-01 00:00:00')`,
      `audit_log_2027_01 FROM ('2027-01-01 00:00:00') TO ('2027-02-01 00:00:00')`,
      `audit_log_2027_02 FROM ('2027-02-01 00:00:00') TO ('2027-03-01 00:00:00')`,
    ])
  })

  test('moves the rows of a month out of a small default partition', async () => {
    await insertAudit(database, '2026-10-31 23:59:59', '2026-11-01', '2026-12-31 23:59:59', 'infinity')
    await keepPartitions(maintenanceOf(database))
    await insertAudit(database, '2027-02-28', '2027-03-01')
    expect(await placesOf(database)).toEqual([
      '2026-10-31 23:59:59 in audit_log_default',
      '2026-11-01 00:00:00 in audit_log_2026_11',
      '2026-12-31 23:59:59 in audit_log_2026_12',
      '2027-02-28 00:00:00 in audit_log_2027_02',
      '2027-03-01 00:00:00 in audit_log_default',
      'infinity in audit_log_default',
    ])
  })

  test('works beside another one', async () => {
    const [one, two] = await Promise.all([maintenanceOf(database), maintenanceOf(database)].map(keepPartitions))
    expect(new Set([...(one?.made ?? []), ...(two?.made ?? [])]).size).toBe(tables.length * 4)
    expect(await names()).toEqual(['audit_log_2026_11', 'audit_log_2026_12', 'audit_log_2027_01', 'audit_log_2027_02'])
  })

  test('serves the other tables where one is obstructed, and says which', async () => {
    await database.pool.query('CREATE TABLE public.ar_view_sessions_2026_12 ()')
    await expect(keepPartitions(maintenanceOf(database))).rejects.toMatchObject({
      errors: [
        {
          message: 'the partitions of public.ar_view_sessions cannot be made',
          cause: { message: 'public.ar_view_sessions_2026_12 is in the way of a partition: the fleet has not made it' },
        },
      ],
    })
    expect(await names()).toHaveLength(4)
  })

  test('waits for a table in use in short turns, so that writers get through', async () => {
    const reader = new pg.Client(database.url)
    await reader.connect()
    await reader.query('BEGIN; SELECT FROM audit_log')
    const keeping = keepPartitions(maintenanceOf(database))
    await expect
      .poll(async () => {
        const { rowCount } = await database.pool.query(
          `SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'`,
        )
        return rowCount
      })
      .toBe(1)
    await insertAudit(database, '2026-11-24')
    await reader.query('COMMIT')
    await reader.end()
    await keeping
    expect(await placesOf(database)).toEqual(['2026-11-24 00:00:00 in audit_log_2026_11'])
  })

  test('analyses the table as a whole', async () => {
    await insertAudit(database, '2026-11-24')
    await keepPartitions(maintenanceOf(database))
    const { rows } = await database.pool.query(
      `SELECT tablename, inherited FROM pg_stats WHERE tablename LIKE 'audit_log%' AND attname = 'action' ORDER BY 1`,
    )
    expect(rows).toEqual([
      { tablename: 'audit_log', inherited: true },
      { tablename: 'audit_log_2026_11', inherited: false },
    ])
  })

  test('ends where it is told to stop, and goes on the next time', async () => {
    await expect(keepPartitions(maintenanceOf(database, AbortSignal.abort()))).rejects.toThrow('aborted')
    expect((await keepPartitions(maintenanceOf(database))).made).toHaveLength(tables.length * 4)
  })
})

describe('a large default partition', () => {
  beforeEach(() => fillDefault(database))

  test('keeps the rows of today, and gives up those of coming months', async () => {
    await insertAudit(database, '2026-11-24', '2026-12-24')
    expect(await keepPartitions(maintenanceOf(database))).toMatchObject({ left: [`${auditLog} 2026-11`] })
    expect(await placesOf(database)).toEqual([
      '2026-11-24 00:00:00 in audit_log_default',
      '2026-12-24 00:00:00 in audit_log_2026_12',
    ])
  })

  test('keeps a month that begins within a day: rows of some zone arrive for it already', async () => {
    await setClock(database, '2026-11-30 00:00:01')
    expect(await keepPartitions(maintenanceOf(database))).toMatchObject({
      left: [`${auditLog} 2026-11`, `${auditLog} 2026-12`],
    })
  })

  test('takes whatever arrives between the steps, and loses none of it', async () => {
    const { db } = database
    const month = '2027-01-01'
    const odd = ['-infinity', '2026-11-24', '2027-01-15', '2027-02-01', 'infinity']
    expect(await preparePartition(db, auditLog, month)).toBe('prepared')
    await insertAudit(database, ...odd)
    await validatePartition(db, auditLog, month)
    await insertAudit(database, ...odd)
    await attachPartition(db, auditLog, month)
    await insertAudit(database, ...odd)
    const twice = (place: string) => [place, place, place]
    expect(await placesOf(database)).toEqual([
      ...twice('-infinity in audit_log_default'),
      ...twice('2026-11-24 00:00:00 in audit_log_default'),
      ...twice('2027-01-15 00:00:00 in audit_log_2027_01'),
      ...twice('2027-02-01 00:00:00 in audit_log_default'),
      ...twice('infinity in audit_log_default'),
    ])
    const { rows } = await database.pool.query(`
      SELECT conname FROM pg_constraint WHERE conrelid = 'audit_log_default'::regclass AND contype = 'c'
      UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_log_default'::regclass AND NOT tgisinternal`)
    expect(rows).toEqual([])
  })

  test('checks a row that it diverts as the table itself would', async () => {
    await preparePartition(database.db, auditLog, '2027-01-01')
    await expect(
      database.pool.query(
        `INSERT INTO audit_log (entity_type, entity_id, action, actor_id, created_at) VALUES ('a', 1, 'b', 999, '2027-01-15')`,
      ),
    ).rejects.toThrow(/violates foreign key constraint "audit_log_actor_id_fkey"/)
  })

  test('is not read while a month is attached', async () => {
    const session = new pg.Client(database.url)
    await session.connect()
    const notices: string[] = []
    session.on('notice', ({ message }) => notices.push(message ?? ''))
    await session.query(`SELECT fleet.prepare_partition('audit_log', '2027-01-01')`)
    await session.query(`SELECT fleet.validate_partition('audit_log', '2027-01-01')`)
    await session.query(`SET client_min_messages = debug1`)
    await session.query(`SELECT fleet.attach_partition('audit_log', '2027-01-01')`)
    await session.end()
    expect(notices).toContain(
      'updated partition constraint for default partition "audit_log_default" is implied by existing constraints',
    )
    expect(notices.filter((notice) => notice.startsWith('verifying table'))).toEqual([
      'verifying table "audit_log_2027_01"',
    ])
  })

  test('is not given up for a month that has not been validated', async () => {
    await preparePartition(database.db, auditLog, '2027-01-01')
    await expect(attachPartition(database.db, auditLog, '2027-01-01')).rejects.toThrow(/is not ready to be attached/)
  })
})

describe('a month whose making was interrupted', () => {
  const steps = [preparePartition, validatePartition, attachPartition]
  test.each([
    ['preparing, small', 1, false],
    ['preparing, large', 1, true],
    ['validating, small', 2, false],
    ['validating, large', 2, true],
    ['attaching, small', 3, false],
    ['attaching, large', 3, true],
  ])('after %s is completed by the next run', async (_, done, large) => {
    if (large) await fillDefault(database)
    await insertAudit(database, '2027-01-10')
    for (const step of steps.slice(0, done)) await step(database.db, auditLog, '2027-01-01')
    await insertAudit(database, '2027-01-20')
    // What was prepared while the default partition was small is attached when it has grown meanwhile.
    if (done === 1 && !large) await fillDefault(database)
    await makePartition(maintenanceOf(database), auditLog, '2027-01-01')
    expect(await placesOf(database)).toEqual([
      '2027-01-10 00:00:00 in audit_log_2027_01',
      '2027-01-20 00:00:00 in audit_log_2027_01',
    ])
  })
})

describe('the months', () => {
  test('are those of UTC, whatever zone the session has', async () => {
    await database.pool.query(`
      CREATE TABLE fleet.moments (at timestamptz) PARTITION BY RANGE (at);
      CREATE INDEX ON fleet.moments (at);
      CREATE TABLE fleet.moments_default PARTITION OF fleet.moments DEFAULT;
      INSERT INTO fleet.partitioned_tables VALUES ('fleet.moments')`)
    let month = 0
    for (const zone of foreignZones) {
      month += 1
      await inSession(database.url, zone, async (client) => {
        await client.query(
          `INSERT INTO fleet.moments VALUES ('2026-0${month}-01 00:00:00Z'), ('2026-0${month}-28 23:59:59Z')`,
        )
        for (const step of ['prepare', 'validate', 'attach']) {
          await client.query(`SELECT fleet.${step}_partition('fleet.moments', '2026-0${month}-15')`)
        }
      })
    }
    expect(await partitionsOf(database, 'fleet.moments')).toEqual([
      `moments_2026_01 FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')`,
      `moments_2026_02 FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00')`,
      `moments_2026_03 FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')`,
    ])
    expect((await database.pool.query('SELECT FROM ONLY fleet.moments_default')).rowCount).toBe(0)
  })
})

describe('the functions', () => {
  test('serve only tables that the fleet has partitioned', async () => {
    await database.pool.query(`
      CREATE TABLE public.foreign_log (created_at timestamp) PARTITION BY RANGE (created_at);
      CREATE TABLE public.foreign_log_default PARTITION OF public.foreign_log DEFAULT`)
    for (const call of [
      `prepare_partition('public.foreign_log', '2026-11-01')`,
      `validate_partition('public.foreign_log', '2026-11-01')`,
      `attach_partition('public.foreign_log', '2026-11-01')`,
      `drop_partitions('public.foreign_log', '2026-11-01')`,
      `delete_from_default('public.foreign_log', '2026-11-01', 10)`,
      `analyze_partitions('public.foreign_log')`,
    ]) {
      await expect(database.pool.query(`SELECT fleet.${call}`), call).rejects.toThrow(
        'the fleet does not keep partitions of public.foreign_log',
      )
    }
  })

  test('are executed by a role that owns nothing, where it is granted them, and by nobody else', async () => {
    const role = `role_${new URL(database.url).pathname.slice(1)}`
    await database.pool.query(`CREATE ROLE ${role}`)
    const session = new pg.Client(database.url)
    await session.connect()
    await session.query(`SET ROLE ${role}`)
    const prepare = `SELECT fleet.prepare_partition('public.audit_log', '2026-11-01') AS state`
    await expect(session.query(prepare)).rejects.toThrow('permission denied for function prepare_partition')
    await database.pool.query(`
      GRANT EXECUTE ON FUNCTION fleet.prepare_partition(regclass, date), fleet.validate_partition(regclass, date),
        fleet.attach_partition(regclass, date) TO ${role}`)
    expect((await session.query(prepare)).rows).toEqual([{ state: 'prepared' }])
    await session.query(`SELECT fleet.validate_partition('public.audit_log', '2026-11-01')`)
    await session.query(`SELECT fleet.attach_partition('public.audit_log', '2026-11-01')`)
    await session.end()
    expect(await names()).toEqual(['audit_log_2026_11'])
    await database.pool.query(`DROP OWNED BY ${role}`)
    await database.pool.query(`DROP ROLE ${role}`)
  })
})

describe('a table of somebody else, where a superuser has migrated', () => {
  const role = () => `platform_${new URL(database.url).pathname.slice(1)}`
  const warnings: { table: string; hint: string }[] = []
  let worker: ReturnType<typeof connectDatabase>

  beforeEach(async () => {
    warnings.length = 0
    worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
    for (const statement of [
      `CREATE ROLE ${role()}`,
      `GRANT CREATE ON SCHEMA public TO ${role()}`,
      `ALTER TABLE audit_log_default OWNER TO ${role()}`,
    ]) {
      await database.pool.query(statement)
    }
  })
  afterEach(async () => {
    await worker.close()
    await database.pool.query(`DROP OWNED BY ${role()} CASCADE`)
    await database.pool.query(`DROP ROLE ${role()}`)
  })

  const maintenance = () => ({
    ...maintenanceOf(database),
    db: worker.db,
    log: pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line)) }),
  })

  test('is not touched with the rights of the superuser: the worker says how to put it right and serves the others', async () => {
    await insertAudit(database, '2020-01-01')
    const { made } = await keepPartitions(maintenance())
    expect(new Set(made.map((line) => line.split(' ')[0]))).toEqual(
      new Set(tables.filter((table) => table !== auditLog)),
    )
    expect(await dropPast(maintenance(), auditLog, { unit: 'days', count: 30 })).toEqual({ partitions: [], rows: 0 })
    expect(warnings).toMatchObject([{ table: auditLog }, { table: auditLog }])
    const { hint = '' } = warnings[0] ?? {}
    expect(hint).toMatch(/^ALTER TABLE public.audit_log_default OWNER TO \w+$/)
    await database.pool.query(hint)
    expect((await keepPartitions(maintenance())).made).toHaveLength(4)
    expect(await names()).toHaveLength(4)
  })

  test('is served by no function, whatever the role is granted', async () => {
    for (const call of [
      `prepare_partition('public.audit_log', '2026-12-01')`,
      `validate_partition('public.audit_log', '2026-12-01')`,
      `attach_partition('public.audit_log', '2026-12-01')`,
      `drop_partitions('public.audit_log', '2026-10-01')`,
      `delete_from_default('public.audit_log', '2026-10-01', 10)`,
      `analyze_partitions('public.audit_log')`,
    ]) {
      await expect(worker.pool.query(`SELECT fleet.${call}`), call).rejects.toThrow(/a superuser has migrated/)
    }
  })

  test('has no row diverted, even where the superuser himself makes the month', async () => {
    await fillDefault(database)
    expect(await preparePartition(database.db, auditLog, '2027-01-01')).toBe('left')
  })
})
