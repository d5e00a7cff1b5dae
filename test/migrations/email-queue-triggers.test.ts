import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { foreignZones, inSession } from './foreign-session.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() => sql`TRUNCATE email_queue RESTART IDENTITY`.execute(database.db))

async function insert(columns: Readonly<Record<string, unknown>> = {}): Promise<number> {
  const row = { recipient_to: 'a@x.example', subject: 's', body: 'b', ...columns }
  const names = sql.join(Object.keys(row).map((name) => sql.ref(name)))
  const { rows } = await sql<{ id: number }>`
    INSERT INTO email_queue (${names}) VALUES (${sql.join(Object.values(row))}) RETURNING id`.execute(database.db)
  return rows[0]?.id ?? 0
}

async function read(id: number) {
  return database.db.selectFrom('email_queue').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

async function put(id: number, assignments: string): Promise<void> {
  await database.pool.query(`UPDATE email_queue SET ${assignments} WHERE id = $1`, [id])
}

describe('a row that another program inserts', () => {
  it.each(foreignZones)('is due now when its session lives in %s', async (zone) => {
    await inSession(database.url, zone, async (session) => {
      await session.query(`INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@x.example', 's', 'b')`)
    })
    const { rows } = await sql<{ due: boolean; stamped: boolean }>`
      SELECT abs(extract(epoch FROM now() - due_at)) < 60 AS due, abs(extract(epoch FROM now() - enqueued_at)) < 60 AS stamped
        FROM email_queue`.execute(database.db)
    expect(rows).toEqual([{ due: true, stamped: true }])
  })

  it.each(foreignZones)('is due at its scheduled_at as UTC, from a session in %s', async (zone) => {
    await inSession(database.url, zone, async (session) => {
      await session.query(`
        INSERT INTO email_queue (recipient_to, subject, body, scheduled_at) VALUES ('a@x.example', 's', 'b', '2027-03-01 12:00:00')`)
    })
    const { due_at } = await read(1)
    expect(due_at?.toISOString()).toBe('2027-03-01T12:00:00.000Z')
  })

  it('counts explicit NULLs as the defaults', async () => {
    const id = await insert({ priority: null, max_attempts: null, attempts: null, status: null, variables: null })
    expect(await read(id)).toMatchObject({ status: 'pending', prio: 5, attempts: 0, max_attempts: 3, priority: null })
  })

  it.each([
    [-4, 1],
    [0, 1],
    [1, 1],
    [10, 10],
    [99, 10],
  ])('with priority %i is served as %i', async (priority, prio) => {
    expect(await read(await insert({ priority }))).toMatchObject({ priority, prio })
  })

  it('is not doubled by a second INSERT with the same dedup_key', async () => {
    for (const _ of [1, 2]) {
      await database.pool.query(`
        INSERT INTO email_queue (recipient_to, subject, body, dedup_key) VALUES ('a@x.example', 's', 'b', 'welcome:7')
        ON CONFLICT (dedup_key) DO NOTHING`)
    }
    expect((await database.pool.query('SELECT count(*)::int AS count FROM email_queue')).rows).toEqual([{ count: 1 }])
  })
})

describe('a row that another program sets back to pending', () => {
  it.each(['failed', 'held', 'cancelled', 'expired'])('starts afresh from %s', async (status) => {
    const id = await insert({ status })
    await put(
      id,
      `attempts = 3, rescues = 3, claimed_by = 'w', leased_until = now(), due_at = now() + interval '4 hours'`,
    )
    await put(id, `status = 'pending'`)
    expect(await read(id)).toMatchObject({
      status: 'pending',
      attempts: 0,
      rescues: 0,
      claimed_by: null,
      leased_until: null,
    })
    expect((await read(id)).due_at?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000)
  })

  it('writes again only to those who do not have the mail', async () => {
    const id = await insert({ status: 'failed' })
    await put(
      id,
      `recipients = '{"a@x.example": {"state": "accepted", "reply": "250"}, "b@x.example": {"state": "refused", "reply": "550"}}'`,
    )
    await put(id, `status = 'pending'`)
    expect((await read(id)).recipients).toEqual({ 'a@x.example': { state: 'accepted', reply: '250' } })
  })

  it('writes to everybody again when the mail was sent', async () => {
    const id = await insert({ status: 'sent' })
    await put(id, `sent_at = now(), recipients = '{"a@x.example": {"state": "accepted", "reply": "250"}}'`)
    await put(id, `status = 'pending'`)
    expect(await read(id)).toMatchObject({ recipients: null, sent_at: null })
  })

  it('keeps its time where that lies ahead', async () => {
    const id = await insert({ status: 'cancelled', scheduled_at: '2027-03-01 12:00:00' })
    await put(id, `status = 'pending'`)
    expect((await read(id)).due_at?.toISOString()).toBe('2027-03-01T12:00:00.000Z')
  })

  it('takes a due_at given with it', async () => {
    const id = await insert({ status: 'failed' })
    await put(id, `status = 'pending', due_at = '2027-03-01 12:00:00+00'`)
    expect((await read(id)).due_at?.toISOString()).toBe('2027-03-01T12:00:00.000Z')
  })

  it('is left alone when its worker does it', async () => {
    const id = await insert()
    await put(id, `status = 'sending', attempts = 2, claim_token = 7`)
    await put(id, `status = 'pending', due_at = '2027-03-01 12:00:00+00'`)
    expect(await read(id)).toMatchObject({ attempts: 2, status: 'pending' })
  })
})

describe('a waiting row that another program changes', () => {
  it('takes the new priority', async () => {
    const id = await insert()
    await put(id, 'priority = 1')
    expect((await read(id)).prio).toBe(1)
  })

  it('takes the new time, and is due now without one', async () => {
    const id = await insert()
    await put(id, `scheduled_at = '2027-03-01 12:00:00'`)
    expect((await read(id)).due_at?.toISOString()).toBe('2027-03-01T12:00:00.000Z')
    await put(id, 'scheduled_at = NULL')
    expect((await read(id)).due_at?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000)
  })
})

describe('the wake-up', () => {
  async function notified(act: () => Promise<unknown>): Promise<number> {
    const listener = new pg.Client(database.url)
    await listener.connect()
    let count = 0
    listener.on('notification', () => {
      count += 1
    })
    await listener.query('LISTEN fleet_email')
    await act()
    // Notices come with the answer to a later command at the latest.
    await listener.query('SELECT 1')
    await listener.query('SELECT 1')
    await listener.end()
    return count
  }

  it('comes once for a statement, however many rows', async () => {
    const act = () =>
      database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a@x.example', 's', 'b' FROM generate_series(1, 500)`)
    expect(await notified(act)).toBe(1)
  })

  it('comes when a row is replayed', async () => {
    const id = await insert({ status: 'failed' })
    expect(await notified(() => put(id, `status = 'pending'`))).toBe(1)
  })

  it('does not come for what is not due, or not pending', async () => {
    const act = async () => {
      await insert({ scheduled_at: '2027-03-01 12:00:00' })
      const id = await insert({ status: 'sent' })
      await put(id, `status = 'failed'`)
    }
    expect(await notified(act)).toBe(0)
  })

  it('can be turned off', async () => {
    const act = async () => {
      const session = new pg.Client(database.url)
      await session.connect()
      await session.query(`SET fleet.notify = off`)
      await session.query(`INSERT INTO email_queue (recipient_to, subject, body) VALUES ('a@x.example', 's', 'b')`)
      await session.query(`UPDATE email_queue SET status = 'failed'`)
      await session.query(`UPDATE email_queue SET status = 'pending'`)
      await session.end()
    }
    expect(await notified(act)).toBe(0)
  })
})
