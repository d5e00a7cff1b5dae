import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import type { FallbackDefaults } from '../../src/notifications/fallback.ts'
import { runFallbacks } from '../../src/notifications/fallback-pass.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
/** As whoever runs it, with no more rights than that. */
let worker: Database
beforeAll(async () => {
  database = await createTestDatabase()
  worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test', keepsPlans: true })
  await database.pool.query(`
    INSERT INTO companies (id, name, slug) SELECT n, 'Company ' || n, 'company-' || n FROM generate_series(1001, 1003) n`)
})
afterAll(async () => {
  await worker.close()
  await database.drop()
})
beforeEach(() => database.pool.query('TRUNCATE notifications, email_queue RESTART IDENTITY'))

const log = pino({ level: 'silent' })

function run(defaults: FallbackDefaults = {}): Promise<number> {
  return runFallbacks(worker, { defaults, log })
}

/** A row as a producer writes it; its number. */
async function insert(values: Record<string, unknown>): Promise<number> {
  const row: Record<string, unknown> = { company_id: 1001, notification_type: 'expired', ...values }
  if ('event_data' in row) row.event_data = JSON.stringify(row.event_data)
  const columns = Object.keys(row)
  const { rows } = await database.pool.query<{ id: number }>(
    `INSERT INTO notifications (${columns}) VALUES (${columns.map((_, n) => `$${n + 1}`)}) RETURNING id`,
    Object.values(row),
  )
  return rows[0]?.id ?? 0
}

/** As a worker does whose channel would not have it. */
async function end(id: number, status = 'failed'): Promise<void> {
  await database.pool.query(`UPDATE notifications SET status = $2, last_error = 'no' WHERE id = $1`, [id, status])
}

async function insertEnded(values: Record<string, unknown>, status = 'failed'): Promise<number> {
  const id = await insert(values)
  await end(id, status)
  return id
}

async function fallbacks() {
  const { rows } = await database.pool.query<{ id: number; line: string }>(`
    SELECT id, format('%s of %s: %s, then %s', type, fallback_of, status, event_data ->> 'fallback') AS line
      FROM notifications WHERE fallback_of IS NOT NULL ORDER BY id`)
  return rows.map(({ line }) => line)
}

async function waiting(): Promise<number> {
  const { rows } = await database.pool.query('SELECT FROM notifications WHERE needs_fallback')
  return rows.length
}

describe('what ended', () => {
  it.each(['failed', 'skipped'])('as %s is tried on the next channel, once', async (status) => {
    const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email', 'sms'] } }, status)
    expect(await run()).toBe(1)
    expect(await run()).toBe(0)
    expect(await fallbacks()).toEqual([`email of ${id}: pending, then ["sms"]`])
    expect(await waiting()).toBe(0)
  })

  it.each(['sent', 'cancelled', 'expired', 'held'])('as %s is not', async (status) => {
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } }, status)
    expect(await run()).toBe(0)
    expect(await fallbacks()).toEqual([])
  })

  it('goes down its chain, channel by channel, and no further', async () => {
    const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email', 'sms'] } })
    for (const fallback of [id + 1, id + 2, id + 2]) {
      await run({ sms: 'telegram' })
      await end(fallback)
    }
    expect(await run({ sms: 'telegram' })).toBe(0)
    expect(await fallbacks()).toEqual([`email of ${id}: failed, then ["sms"]`, `sms of ${id + 1}: failed, then []`])
  })

  it('goes where the default says, which starts no loop', async () => {
    const defaults = { telegram: 'email', email: 'telegram' } as const
    const id = await insertEnded({ type: 'telegram' })
    await run(defaults)
    await end(id + 1)
    expect(await run(defaults)).toBe(0)
    expect(await fallbacks()).toEqual([`email of ${id}: failed, then []`])
  })

  it('is left alone where no other channel is named', async () => {
    await insertEnded({ type: 'telegram', event_data: { fallback: [] } })
    expect(await run({ telegram: 'email' })).toBe(0)
    expect(await waiting()).toBe(0)
  })

  it('of a type that is no channel goes where it says', async () => {
    const id = await insert({ type: 'push', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
    expect(await fallbacks()).toEqual([`email of ${id}: pending, then []`])
  })

  it('and was then cancelled is left alone', async () => {
    const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    await end(id, 'cancelled')
    expect(await run()).toBe(0)
    expect(await waiting()).toBe(0)
  })
})

it('the other channel is given all that the notice is, and nothing of what became of it', async () => {
  const { rows: projects } = await database.pool.query<{ id: number }>(
    `INSERT INTO projects (name, slug, company_id) VALUES ('P', 'p', 1001) RETURNING id`,
  )
  const id = await insertEnded({
    type: 'telegram',
    project_id: projects[0]?.id,
    priority: 'urgent',
    subject: 'Subject',
    message: '<b>Message</b>',
    source: 'platform',
    service_name: 'subscriptions',
    event_data: { fallback: ['email'], to: 'a@b.org', n: 1 },
    group_id: 'g',
    not_after: '2030-01-01',
    scheduled_at: '2020-01-01',
    dedup_key: 'key',
  })
  await run()
  const { rows } = await database.pool.query(`SELECT * FROM notifications WHERE fallback_of = ${id}`)
  expect(rows).toEqual([
    expect.objectContaining({
      type: 'email',
      company_id: 1001,
      project_id: projects[0]?.id,
      notification_type: 'expired',
      priority: 'urgent',
      prio: 1,
      subject: 'Subject',
      message: '<b>Message</b>',
      source: 'platform',
      service_name: 'subscriptions',
      event_data: { fallback: [], to: 'a@b.org', n: 1 },
      recipient: 'a@b.org',
      group_id: 'g',
      not_after: new Date('2030-01-01T00:00:00Z'),
      scheduled_at: null,
      dedup_key: null,
      status: 'pending',
      last_error: null,
      attempts: 0,
      digest_of: null,
      digest_size: null,
    }),
  ])
})

describe('a channel that has the notice already is not tried', () => {
  const chain = { fallback: ['email', 'sms'] }

  it('when the notice is named in both rows', async () => {
    await insert({ type: 'email', event_data: { notice: 'n1' }, notification_type: 'x' })
    await insertEnded({ type: 'telegram', event_data: { ...chain, notice: 'n1' } })
    expect(await run()).toBe(0)
    expect(await waiting()).toBe(0)
  })

  it('when all facts are the same, whatever became of it', async () => {
    await insertEnded({ type: 'email', event_data: { fallback: [] } }, 'cancelled')
    await insertEnded({ type: 'telegram', event_data: chain })
    expect(await run()).toBe(0)
  })

  it('when it is a fallback that failed, and the first row is replayed and fails again', async () => {
    const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    await run()
    await end(id + 1)
    await end(id, 'pending')
    await end(id)
    expect(await run()).toBe(0)
    expect(await fallbacks()).toEqual([`email of ${id}: failed, then []`])
  })

  it('when two rows of the notice end at once and ask for it', async () => {
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    await insertEnded({ type: 'sms', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
  })

  it('when the row that it stands in for had a sibling there', async () => {
    const id = await insertEnded({ type: 'telegram', event_data: chain })
    await insert({ type: 'sms' })
    await run()
    await end(id + 2)
    expect(await run()).toBe(0)
  })
})

describe('a channel is tried', () => {
  const others: [what: string, values: Record<string, unknown>][] = [
    ['another company', { company_id: 1002 }],
    ['no company', { company_id: null }],
    ['another type', { notification_type: 'expiry_warning' }],
    ['another group', { group_id: 'g' }],
    ['a notice that has a name', { event_data: { notice: 'n2' } }],
  ]
  it.each(others)('when only a row of %s is there', async (_, values) => {
    await insert({ type: 'email', ...values })
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
  })

  it('when another company has a notice of that name', async () => {
    await insert({ type: 'email', event_data: { notice: 'n1' }, company_id: 1002 })
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'], notice: 'n1' } })
    expect(await run()).toBe(1)
  })

  it('when the notices have neither company nor name', async () => {
    await insert({ type: 'email', company_id: null })
    await insertEnded({ type: 'telegram', company_id: null, event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
  })

  it('when the like of it is more than ten minutes old', async () => {
    const old = await insert({ type: 'email' })
    const older = await insert({ type: 'email' })
    await database.pool.query(
      `UPDATE notifications SET enqueued_at = enqueued_at - CASE id WHEN $1 THEN interval '9 min' ELSE interval '11 min' END
        WHERE id IN ($1, $2)`,
      [old, older],
    )
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(0)
    await database.pool.query('DELETE FROM notifications WHERE id = $1', [old])
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
  })

  it('for each of two notices that have all facts in common on the same channel', async () => {
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    await run()
    await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    expect(await run()).toBe(1)
  })
})

describe('a digest', () => {
  async function insertDigest(size: number): Promise<number> {
    const leader = await insert({ type: 'telegram', event_data: { fallback: ['email'], n: 1 }, digest_size: size })
    for (let n = 2; n <= size; n += 1)
      await insert({ type: 'telegram', event_data: { fallback: ['email'], n }, digest_of: leader })
    await database.pool.query(
      `UPDATE notifications SET status = 'sending', leased_until = now() + interval '1 h' WHERE id = $1`,
      [leader],
    )
    return leader
  }

  async function digests() {
    const { rows } = await database.pool.query(`
      SELECT fallback_of, type, status, digest_of, digest_size, event_data ->> 'n' AS n
        FROM notifications WHERE fallback_of IS NOT NULL ORDER BY id`)
    return rows
  }

  it('falls back as one', async () => {
    const leader = await insertDigest(3)
    await end(leader)
    expect(await run()).toBe(1)
    const email = { type: 'email', status: 'pending' }
    expect(await digests()).toEqual([
      { ...email, fallback_of: leader, digest_of: null, digest_size: 3, n: '1' },
      { ...email, fallback_of: leader + 1, digest_of: leader + 3, digest_size: null, n: '2' },
      { ...email, fallback_of: leader + 2, digest_of: leader + 3, digest_size: null, n: '3' },
    ])
    expect(await waiting()).toBe(0)
  })

  it('falls back without the rows that are there already, or did not fail with it', async () => {
    const leader = await insertDigest(4)
    await database.pool.query(`UPDATE notifications SET event_data = event_data || '{"notice": "n1"}' WHERE id = $1`, [
      leader,
    ])
    await insert({ type: 'email', event_data: { notice: 'n1' } })
    await end(leader + 1, 'cancelled')
    await end(leader)
    expect(await run()).toBe(1)
    expect(await digests()).toMatchObject([
      { fallback_of: leader + 2, digest_of: null, digest_size: 2 },
      { fallback_of: leader + 3, digest_of: leader + 5, digest_size: null },
    ])
  })

  it('of which one is left falls back as a notice by itself', async () => {
    const leader = await insertDigest(2)
    await end(leader + 1, 'cancelled')
    await end(leader)
    await run()
    expect(await digests()).toMatchObject([{ fallback_of: leader, digest_of: null, digest_size: null }])
  })
})

describe('two at once', () => {
  it('try another channel for every notice, once', async () => {
    // The two rows of a notice are a hundred apart, which is what a pass takes at once.
    await database.pool.query(`
      INSERT INTO notifications (type, company_id, notification_type, event_data)
      SELECT type, 1001, 'expired', jsonb_build_object('fallback', '["email"]'::jsonb, 'notice', n)
        FROM generate_series(0, 499) n, unnest('{telegram,sms}'::text[]) type
       ORDER BY n / 100, type, n`)
    await database.pool.query(`UPDATE notifications SET status = 'failed'`)
    const made = await Promise.all([run(), run(), run()])
    expect(made.reduce((sum, count) => sum + count, 0)).toBe(500)
    const { rows } = await database.pool.query(`
      SELECT count(*)::int AS rows, count(DISTINCT event_data ->> 'notice')::int AS notices
        FROM notifications WHERE fallback_of IS NOT NULL`)
    expect(rows).toEqual([{ rows: 500, notices: 500 }])
    expect(await waiting()).toBe(0)
  })

  it('of which one is killed in between leave the rest to the other', async () => {
    const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
    await database.pool.query(`
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
      CREATE TRIGGER die AFTER UPDATE OF needs_fallback ON notifications FOR EACH ROW
        WHEN (OLD.needs_fallback AND NOT NEW.needs_fallback) EXECUTE FUNCTION die()`)
    await expect(run()).rejects.toThrow()
    await database.pool.query('DROP TRIGGER die ON notifications; DROP FUNCTION die()')
    expect(await fallbacks()).toEqual([])
    expect(await run()).toBe(1)
    expect(await fallbacks()).toEqual([`email of ${id}: pending, then []`])
  })
})

it('what another program has locked is for a later pass', async () => {
  const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] } })
  const other = await database.pool.connect()
  try {
    await other.query('BEGIN')
    await other.query(`SELECT FROM notifications WHERE id = ${id} FOR UPDATE`)
    expect(await run()).toBe(0)
    await other.query('COMMIT')
  } finally {
    other.release()
  }
  expect(await run()).toBe(1)
})

it('what the database refuses keeps no other back, and is not asked for again', async () => {
  const refused = await insertEnded({ type: 'telegram', event_data: { fallback: ['sms'] } })
  const id = await insertEnded({ type: 'telegram', event_data: { fallback: ['email'] }, company_id: 1002 })
  await database.pool.query(`ALTER TABLE notifications ADD CONSTRAINT ours CHECK (type <> 'sms') NOT VALID`)
  onTestFinished(async () => {
    await database.pool.query('ALTER TABLE notifications DROP CONSTRAINT ours')
  })
  expect(refused).toBeLessThan(id)
  expect(await run()).toBe(1)
  expect(await fallbacks()).toEqual([`email of ${id}: pending, then []`])
  expect(await waiting()).toBe(0)
})
