import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { heard, NotificationRows } from './notification-rows.ts'

let database: TestDatabase
let rows: NotificationRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new NotificationRows(database)
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('TRUNCATE notifications, email_queue RESTART IDENTITY'))

/** Carrier and members. */
async function digest(): Promise<[number, number, number]> {
  const [carrier = 0, first = 0, second = 0] = await rows.digest(3)
  return [carrier, first, second]
}

/** Whose digest each row is of. */
async function carriers(ids: readonly number[]): Promise<(number | null)[]> {
  return Promise.all(ids.map(async (id) => (await rows.read(id)).digest_of))
}

describe('the rows of a digest', () => {
  it.each(['sent', 'failed', 'skipped', 'held'])(
    'are %s with the row that carries it, for the same reason',
    async (status) => {
      const ids = await digest()
      await rows.put(ids[0], `status = '${status}', last_error = 'so', error_class = 'why', leased_until = NULL`)
      for (const id of ids) {
        expect(await rows.read(id)).toMatchObject({
          status,
          last_error: 'so',
          error_class: 'why',
          telegram_sent: status === 'sent',
          leased_until: null,
        })
      }
      expect(await carriers(ids)).toEqual([null, ids[0], ids[0]])
    },
  )

  it('fall back as one: only the carrier does', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'failed', leased_until = NULL`)
    expect(await Promise.all(ids.map(async (id) => (await rows.read(id)).needs_fallback))).toEqual([true, false, false])
  })

  it('wait with it after a failure, and are sent with it', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'pending', last_error = 'busy', leased_until = NULL`)
    expect(await rows.statuses(ids)).toEqual(['pending', 'pending', 'pending'])
    expect((await rows.read(ids[1])).last_error).toBe('busy')
    await rows.put(ids[0], `status = 'sending', leased_until = now() + interval '1 minute'`)
    expect(await rows.statuses(ids)).toEqual(['sending', 'sending', 'sending'])
    expect(await carriers(ids)).toEqual([null, ids[0], ids[0]])
  })

  it('are not to be taken out of it by setting them to pending while it is being sent', async () => {
    const ids = await digest()
    await rows.put(ids[1], `status = 'pending'`)
    await rows.put(ids[0], `status = 'pending', leased_until = NULL`)
    await rows.put(ids[0], `status = 'sending', leased_until = now() + interval '1 minute'`)
    await rows.put(ids[2], `status = 'pending'`)
    expect(await rows.statuses(ids)).toEqual(['sending', 'sending', 'sending'])
  })

  it('follow a digest that goes out as a mail', async () => {
    const { id, mail } = await rows.mailed()
    const member = await rows.insert({ type: 'email' })
    await rows.put(member, `status = 'sending', digest_of = ${id}, leased_until = 'infinity'`)
    await rows.put(id, 'digest_size = 2')
    await rows.putMail(mail, `status = 'sending'`)
    await rows.putMail(mail, `status = 'sent'`)
    expect(await rows.read(member)).toMatchObject({ status: 'sent', email_sent: true })
  })
})

describe('a digest without the row that carries it', () => {
  it.each(['cancelled', 'expired'])('goes out row by row when that is %s before it has gone', async (status) => {
    const ids = await digest()
    const act = () => rows.put(ids[0], `status = '${status}'`)
    expect(await heard(database, 'fleet_notifications', act)).toEqual(['telegram'])
    expect(await rows.statuses(ids)).toEqual([status, 'pending', 'pending'])
    expect(await carriers(ids)).toEqual([null, null, null])
  })

  it.each(['pending', 'sending'])('goes out row by row when that is deleted as %s', async (status) => {
    const [carrier, ...members] = await digest()
    await rows.put(carrier, `status = '${status}', leased_until = NULL`)
    await database.pool.query('DELETE FROM notifications WHERE id = $1', [carrier])
    expect(await rows.statuses(members)).toEqual(['pending', 'pending'])
    expect(await carriers(members)).toEqual([null, null])
  })

  it('is still held when that is deleted as held', async () => {
    const [carrier, ...members] = await digest()
    await rows.put(carrier, `status = 'held', leased_until = NULL`)
    await database.pool.query('DELETE FROM notifications WHERE id = $1', [carrier])
    expect(await rows.statuses(members)).toEqual(['held', 'held'])
    expect(await carriers(members)).toEqual([null, null])
  })

  it('is cancelled with it when it was held: nobody sends what somebody has looked at and thrown away', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'held', leased_until = NULL`)
    await rows.put(ids[0], `status = 'cancelled'`)
    expect(await rows.statuses(ids)).toEqual(['cancelled', 'cancelled', 'cancelled'])
  })

  it('leaves that alone when it is replayed', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'cancelled'`)
    await rows.put(ids[1], `status = 'sent', leased_until = NULL`)
    await rows.put(ids[0], `status = 'pending'`)
    expect(await rows.read(ids[0])).toMatchObject({ status: 'pending', digest_size: null })
    expect(await rows.statuses(ids)).toEqual(['pending', 'sent', 'pending'])
  })
})

describe('one row of a digest', () => {
  it('that was cancelled stays cancelled, whatever becomes of the others', async () => {
    const ids = await digest()
    await rows.put(ids[1], `status = 'cancelled'`)
    await rows.put(ids[0], `status = 'failed', leased_until = NULL`)
    expect(await rows.statuses(ids)).toEqual(['failed', 'cancelled', 'failed'])
    await rows.put(ids[0], `status = 'pending'`)
    await rows.put(ids[0], `status = 'sent'`)
    expect(await rows.statuses(ids)).toEqual(['sent', 'cancelled', 'sent'])
  })

  it.each(['failed', 'sent', 'held'])(
    'that is replayed by itself after the digest has %s leaves it',
    async (status) => {
      const ids = await digest()
      await rows.put(ids[0], `status = '${status}', leased_until = NULL`)
      expect(await heard(database, 'fleet_notifications', () => rows.put(ids[1], `status = 'pending'`))).toEqual([
        'telegram',
      ])
      expect(await rows.statuses(ids)).toEqual([status, 'pending', status])
      expect(await carriers(ids)).toEqual([null, null, ids[0]])
    },
  )

  it('that was cancelled and is replayed leaves a digest that waits', async () => {
    const ids = await digest()
    await rows.put(ids[1], `status = 'cancelled'`)
    await rows.put(ids[0], `status = 'pending', leased_until = NULL`)
    await rows.put(ids[1], `status = 'pending'`)
    expect(await carriers(ids)).toEqual([null, null, ids[0]])
  })

  it('leaves it also when a trigger of the platform replays it', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'failed', leased_until = NULL`)
    await database.pool.query(`
      CREATE TABLE mine (id integer);
      CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE notifications SET status = 'pending' WHERE id = NEW.id; RETURN NEW; END $$;
      CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION mine()`)
    await database.pool.query('INSERT INTO mine VALUES ($1)', [ids[1]])
    expect(await carriers(ids)).toEqual([null, null, ids[0]])
    await database.pool.query('DROP TABLE mine; DROP FUNCTION mine()')
  })
})

describe('a digest that is replayed', () => {
  it('by the row that carries it goes out as one', async () => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'failed', leased_until = NULL`)
    await rows.put(ids[0], `status = 'pending'`)
    expect(await rows.statuses(ids)).toEqual(['pending', 'pending', 'pending'])
    expect(await carriers(ids)).toEqual([null, ids[0], ids[0]])
  })

  it.each(['ASC', 'DESC'])('row by row in one statement goes out as one, in whatever order: %s', async (order) => {
    const ids = await digest()
    await rows.put(ids[0], `status = 'failed', leased_until = NULL, attempts = 3`)
    await database.pool.query(`
      UPDATE notifications AS n SET status = 'pending'
        FROM (SELECT id FROM notifications ORDER BY id ${order} OFFSET 0) AS wanted WHERE n.id = wanted.id`)
    expect(await rows.statuses(ids)).toEqual(['pending', 'pending', 'pending'])
    expect(await carriers(ids)).toEqual([null, ids[0], ids[0]])
  })
})

describe('the mail of a digest', () => {
  /** Of three, of which it lists two and counts one; answers carrier, members and mail. */
  async function mailed(status: string): Promise<{ ids: number[]; mail: number }> {
    const { id, mail } = await rows.mailed()
    const ids = [id, await rows.insert({ type: 'email' }), await rows.insert({ type: 'email' })]
    for (const member of ids.slice(1))
      await rows.put(member, `status = 'sending', digest_of = ${id}, leased_until = 'infinity'`)
    await rows.put(id, 'digest_size = 3')
    const variables = { locale: 'ru', items: ids.slice(0, 2).map((one) => ({ id: one, title: `No. ${one}` })), more: 1 }
    await database.pool.query('UPDATE email_queue SET variables = $2 WHERE id = $1', [mail, JSON.stringify(variables)])
    if (status !== 'pending') await rows.putMail(mail, `status = '${status}'`)
    return { ids, mail }
  }
  async function content(mail: number): Promise<{ items: string[]; more: number; locale: string }> {
    const { rows: mails } = await database.pool.query('SELECT variables FROM email_queue WHERE id = $1', [mail])
    const { items, more, locale } = mails[0].variables
    return { items: items.map(({ title }: { title: string }) => title), more, locale }
  }

  it.each(['pending', 'sending', 'held', 'failed'])('that is %s tells no more of what is cancelled', async (status) => {
    const { ids, mail } = await mailed(status)
    const [carrier, listed = 0, counted = 0] = ids
    await rows.put(listed, `status = 'cancelled'`)
    expect(await content(mail)).toEqual({ items: [`No. ${carrier}`], more: 1, locale: 'ru' })
    await rows.put(counted, `status = 'cancelled'`)
    expect(await content(mail)).toEqual({ items: [`No. ${carrier}`], more: 0, locale: 'ru' })
    expect([await rows.mailStatus(mail), ...(await rows.statuses(ids))]).toEqual([
      status,
      status === 'pending' ? 'sending' : status,
      'cancelled',
      'cancelled',
    ])
  })

  it('that was sent stays what it was', async () => {
    const { ids, mail } = await mailed('failed')
    await rows.putMail(mail, `status = 'sent'`)
    await database.pool.query(`UPDATE notifications SET status = 'held' WHERE id = $1`, [ids[1]])
    await rows.put(ids[1] ?? 0, `status = 'cancelled'`)
    expect(await content(mail)).toMatchObject({ items: [`No. ${ids[0]}`, `No. ${ids[1]}`], more: 1 })
  })

  it('that says nothing of items is left alone', async () => {
    const { ids, mail } = await mailed('pending')
    await database.pool.query(`UPDATE email_queue SET variables = '{"items": "none"}' WHERE id = $1`, [mail])
    await rows.put(ids[1] ?? 0, `status = 'cancelled'`)
    const { rows: mails } = await database.pool.query('SELECT variables FROM email_queue WHERE id = $1', [mail])
    expect(mails).toEqual([{ variables: { items: 'none' } }])
  })
})
