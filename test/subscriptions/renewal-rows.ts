import type { TestDatabase } from '../support/database.ts'

export type Kind = 'projects' | 'portraits' | 'companies'
type Columns = Readonly<Record<string, unknown>>

/** What has an end. */
export interface Entity {
  readonly kind: Kind
  readonly id: number
}

/** An end as an interval from now, which stands still: `3 days`, `-1 hour`; or `infinity`, `-infinity`, or a date with its era; null for never. */
export type End = string | null

/** The moment at which the clock stands. */
export const now = '2026-12-16 12:00'

/** What the sweep and other programs write about subscriptions, and what is in the rows then. */
export class RenewalRows {
  readonly #database: TestDatabase

  constructor(database: TestDatabase) {
    this.#database = database
  }

  /** Stops the clock of this database. */
  async stopClock(): Promise<void> {
    await this.query(`
      CREATE TABLE public.clock (now timestamp);
      GRANT SELECT ON public.clock TO public;
      INSERT INTO public.clock VALUES ('${now}');
      CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now FROM public.clock'`)
  }

  async clear(): Promise<void> {
    await this.query(`
      TRUNCATE companies, notifications, email_queue, audit_log, fleet.notices, fleet.lifecycle_acts RESTART IDENTITY CASCADE;
      INSERT INTO companies (name, slug) VALUES ('Ann', 'ann')`)
  }

  async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#database.pool.query(text, [...values])).rows
  }

  async project(end: End, columns: Columns = {}): Promise<Entity> {
    const slug = `p${Math.random()}`
    const row = { company_id: 1, name: 'Hall', slug, ...columns }
    return { kind: 'projects', id: await this.#insert('projects', row, { subscription_end: moment(end) }) }
  }

  async portrait(end: End, columns: Columns = {}): Promise<Entity> {
    const row = { company_id: 1, file_path: '/a.jpg', ...columns }
    return { kind: 'portraits', id: await this.#insert('portraits', row, { subscription_end: moment(end) }) }
  }

  async company(end: End): Promise<Entity> {
    await this.query(`UPDATE companies SET subscription_expires_at = ${moment(end)} WHERE id = 1`)
    return { kind: 'companies', id: 1 }
  }

  async content(project: Entity, isActive: boolean | null): Promise<number> {
    const row = { project_id: project.id, company_id: 1, title: 'Hall', image_path: '/i', is_active: isActive }
    return this.#insert('ar_content', row)
  }

  /** An entry of the ledger about the end that the entity has now, or another; answers its number. */
  async notice({ kind, id }: Entity, stage: string, columns: Columns = {}): Promise<number> {
    const { end = `(SELECT ${endColumn(kind)} FROM ${kind} WHERE id = ${id})`, ...others } = columns
    const row = {
      entity_type: kind,
      entity_id: id,
      stage,
      company_id: 1,
      outcome: 'sent',
      channels: ['email'],
      ...others,
    }
    return this.#insert('fleet.notices', row, { subscription_end: String(end) })
  }

  /** A notification of a notice, as the sweep writes it, and then whatever has become of it; answers its number. */
  async notification(notice: number, { status = 'pending', ...columns }: Columns = {}): Promise<number> {
    const event_data = JSON.stringify({ notice: `lifecycle:${notice}`, to: 'ann@x.example' })
    const row = { type: 'email', company_id: 1, subject: 's', source: 'fleet', service_name: 'lifecycle', event_data }
    const id = await this.#insert('notifications', { ...row, ...columns })
    if (status !== 'pending') await this.put(id, `status = '${status}'`)
    return id
  }

  /** The mail that a notification is being sent as; answers its number. */
  async mail(notification: number, status = 'pending'): Promise<number> {
    await this.put(notification, `status = 'sending', leased_until = 'infinity'`)
    const row = { recipient_to: 'ann@x.example', subject: 's', body: 'b', notification_id: notification }
    const id = await this.#insert('email_queue', row)
    if (status !== 'pending') await this.query(`UPDATE email_queue SET status = '${status}' WHERE id = ${id}`)
    return id
  }

  /** Puts rows together as a digest that is being sent; the first one carries it. */
  async digest(carrier: number, ...members: number[]): Promise<void> {
    for (const id of members)
      await this.put(id, `status = 'sending', digest_of = ${carrier}, leased_until = 'infinity'`)
    await this.put(carrier, `status = 'sending', leased_until = now() + interval '1 minute'`)
    await this.put(carrier, `digest_size = ${1 + members.length}`)
  }

  /** What the fleet has done to a row of its own accord; the row says so already. */
  async act(
    { kind, id }: { kind: string; id: number },
    field: string,
    before: string | null,
    after: string,
    of?: Entity,
  ) {
    const subject = of ?? { kind, id }
    await this.query(
      `INSERT INTO fleet.lifecycle_acts (entity_type, entity_id, field, before_value, after_value, subject_type, subject_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [kind, id, field, before, after, subject.kind, subject.id],
    )
  }

  /** Moves the end, as any program does; `also` is what else the statement assigns. */
  async move({ kind, id }: Entity, end: End, also = ''): Promise<void> {
    const more = also === '' ? '' : `, ${also}`
    await this.query(`UPDATE ${kind} SET ${endColumn(kind)} = ${moment(end)}${more} WHERE id = ${id}`)
  }

  put(id: number, assignments: string): Promise<unknown[]> {
    return this.query(`UPDATE notifications SET ${assignments} WHERE id = ${id}`)
  }

  async read({ kind, id }: Entity): Promise<Record<string, unknown>> {
    const [row = {}] = await this.query<Record<string, unknown>>(`SELECT * FROM ${kind} WHERE id = ${id}`)
    return row
  }

  async flags(entity: Entity): Promise<unknown[]> {
    const { notified_7d, notified_24h, notified_expired } = await this.read(entity)
    return [notified_7d, notified_24h, notified_expired]
  }

  /** Of these notifications, in this order. */
  async statuses(...ids: number[]): Promise<string[]> {
    const found = await this.query<{ id: number; status: string }>('SELECT id, status FROM notifications')
    return ids.map((id) => found.find((row) => row.id === id)?.status ?? 'gone')
  }

  async mailStatuses(...ids: number[]): Promise<string[]> {
    const found = await this.query<{ id: number; status: string }>('SELECT id, status FROM email_queue')
    return ids.map((id) => found.find((row) => row.id === id)?.status ?? 'gone')
  }

  /** The ledger by stage and end: `7d 3 days sent`, with the reason where there is one. */
  async ledger(): Promise<string[]> {
    const rows = await this.query<{ line: string }>(`
      SELECT concat_ws(' ', stage, subscription_end - fleet.utc_now(), outcome, reason) AS line
        FROM fleet.notices ORDER BY subscription_end, stage`)
    return rows.map(({ line }) => line)
  }

  /** Of each standing act the field and what the fleet has made of it. */
  async acts(): Promise<string[]> {
    const rows = await this.query<{ line: string }>(`
      SELECT format('%s %s', field, after_value) AS line FROM fleet.lifecycle_acts ORDER BY 1`)
    return rows.map(({ line }) => line)
  }

  async audit(): Promise<Record<string, unknown>[]> {
    return this.query(`
      SELECT entity_type, entity_id, field_name, changes FROM audit_log
       WHERE actor_email = 'fleet' AND action = 'update' AND created_at = fleet.utc_now() ORDER BY id`)
  }

  async #insert(table: string, row: Columns, expressions: Readonly<Record<string, string>> = {}): Promise<number> {
    const names = [...Object.keys(row), ...Object.keys(expressions)]
    const values = [...Object.keys(row).map((_, n) => `$${n + 1}`), ...Object.values(expressions)]
    const [inserted] = await this.query<{ id: number }>(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')}) RETURNING id::int`,
      Object.values(row),
    )
    return inserted?.id ?? 0
  }
}

/** An end as an expression of SQL. */
function moment(end: End): string {
  if (end === null) return 'NULL'
  return /infinity|^\d{4,}-/.test(end) ? `timestamp '${end}'` : `fleet.utc_now() + interval '${end}'`
}

function endColumn(kind: Kind): string {
  return kind === 'companies' ? 'subscription_expires_at' : 'subscription_end'
}
