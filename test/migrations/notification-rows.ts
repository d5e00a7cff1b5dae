import pg from 'pg'
import type { TestDatabase } from '../support/database.ts'

type Columns = Readonly<Record<string, unknown>>

/** What other programs do to `notifications`, `companies` and `email_queue` by plain SQL, and what is in them then. */
export class NotificationRows {
  readonly #database: TestDatabase

  constructor(database: TestDatabase) {
    this.#database = database
  }

  /** A notification; answers its id. */
  async insert(columns: Columns): Promise<number> {
    const { event_data: facts, ...others } = columns
    return this.#insert(
      'notifications',
      facts === undefined ? others : { ...others, event_data: JSON.stringify(facts) },
    )
  }

  company(columns: Columns = {}): Promise<number> {
    const contacts = { contact_email: 'ann@x.example', telegram_chat_id: '77', contact_phone: '+7 900 000' }
    return this.#insert('companies', { name: 'Ann', slug: 'ann', ...contacts, ...columns })
  }

  /** A notification that is being sent as a mail, and that mail; the answer is both ids. */
  async mailed(mail: Columns = {}): Promise<{ id: number; mail: number }> {
    const id = await this.insert({ type: 'email', event_data: { to: 'ann@x.example' } })
    await this.put(id, `status = 'sending', leased_until = 'infinity'`)
    const row = { recipient_to: 'ann@x.example', subject: 's', body: 'b', notification_id: id, ...mail }
    return { id, mail: await this.#insert('email_queue', row) }
  }

  /** A digest of so many that is being sent; the carrier's id comes first. */
  async digest(size: number): Promise<number[]> {
    const ids: number[] = []
    for (let n = 0; n < size; n += 1) ids.push(await this.insert({ type: 'telegram', group_id: 'g' }))
    const [carrier = 0, ...members] = ids
    for (const id of members)
      await this.put(id, `status = 'sending', digest_of = ${carrier}, leased_until = 'infinity'`)
    await this.put(carrier, `status = 'sending', leased_until = now() + interval '1 minute'`)
    await this.put(carrier, `digest_size = ${size}`)
    return ids
  }

  read(id: number) {
    return this.#database.db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  }

  /** The statuses of the rows, in this order. */
  async statuses(ids: readonly number[]): Promise<(string | null)[]> {
    const { rows } = await this.#database.pool.query<{ status: string | null }>(
      'SELECT status FROM notifications JOIN unnest($1::int[]) WITH ORDINALITY AS wanted (id, n) USING (id) ORDER BY n',
      [ids],
    )
    return rows.map(({ status }) => status)
  }

  put(id: number, assignments: string): Promise<unknown> {
    return this.#database.pool.query(`UPDATE notifications SET ${assignments} WHERE id = $1`, [id])
  }

  putMail(id: number, assignments: string): Promise<unknown> {
    return this.#database.pool.query(`UPDATE email_queue SET ${assignments} WHERE id = $1`, [id])
  }

  async mailStatus(id: number): Promise<string | null | undefined> {
    const { rows } = await this.#database.pool.query('SELECT status FROM email_queue WHERE id = $1', [id])
    return rows[0]?.status
  }

  async #insert(table: string, row: Columns): Promise<number> {
    const names = Object.keys(row)
    const { rows } = await this.#database.pool.query<{ id: number }>(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')}) RETURNING id`,
      Object.values(row),
    )
    return rows[0]?.id ?? 0
  }
}

/** What is heard on a channel of NOTIFY while `act` runs, in order. */
export async function heard(database: TestDatabase, channel: string, act: () => Promise<unknown>): Promise<string[]> {
  const listener = new pg.Client(database.url)
  await listener.connect()
  const payloads: string[] = []
  listener.on('notification', ({ payload = '' }) => payloads.push(payload))
  await listener.query(`LISTEN ${channel}`)
  await act()
  // Notices come with the answer to a later command at the latest.
  await listener.query('SELECT 1')
  await listener.query('SELECT 1')
  await listener.end()
  return payloads
}
