import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import { connectDatabase, type Database } from '../../../src/db/pool.ts'
import { sweep } from '../../../src/subscriptions/sweep.ts'
import type { SweepResult } from '../../../src/subscriptions/sweep-result.ts'
import type { TestDatabase } from '../../support/database.ts'
import { administrator } from './model/announcement.ts'
import { fates } from './model/delivery.ts'
import { stages } from './model/stages.ts'
import { day, showMoment, toTimestamp, yearBegins } from './moments.ts'
import type { Change, TableName, World } from './rows.ts'

const settings = {
  defaultLocale: 'ru',
  defaultTimeZone: 'Europe/Moscow',
  hours: { opens: '09:00', closes: '20:00' },
  longPastDays: 30,
  maxChanges: 1_000_000,
  maxPercent: 100,
  admin: administrator,
} as const

/** The real database of a simulated year: its clock, the sessions that write to it, and the fleet that works on it. */
export class YearDatabase {
  readonly #database: TestDatabase
  readonly #fleet: Database
  readonly #writers: readonly pg.Client[]
  #writes = 0
  #now = 0

  private constructor(database: TestDatabase, writers: readonly pg.Client[]) {
    this.#database = database
    this.#writers = writers
    this.#fleet = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-year' })
  }

  /** Writes the world into the database. Each change after that comes from a session in another one of the zones. */
  static async fill(database: TestDatabase, world: World, zones: readonly string[]): Promise<YearDatabase> {
    await database.pool.query('DELETE FROM companies')
    await replaceClock(database)
    await insertStages(database)
    for (const table of ['companies', 'clients', 'projects', 'portraits', 'orders', 'ar_content'] as const) {
      await insertRows(database, table, [...world[table].values()])
    }
    return new YearDatabase(database, await Promise.all(zones.map((zone) => openSession(database.url, zone))))
  }

  async setClock(now: number): Promise<void> {
    if (now === this.#now) return
    this.#now = now
    await this.#database.pool.query('UPDATE public.year_clock SET at = $1', [toTimestamp(now)])
  }

  async apply({ table, id, set }: Change): Promise<void> {
    const writer = this.#writers[this.#writes % this.#writers.length]
    this.#writes += 1
    if (!set) return void (await writer?.query(`DELETE FROM ${table} WHERE id = $1`, [id]))
    const columns = Object.keys(set)
    const assignments = columns.map((column, index) => `${column} = $${index + 2}`)
    const values = columns.map((column) => asParameter(column, set[column]))
    await writer?.query(`UPDATE ${table} SET ${assignments.join(', ')} WHERE id = $1`, [id, ...values])
  }

  sweep(): Promise<SweepResult> {
    const [db, signal] = [this.#fleet.db, new AbortController().signal]
    return sweep({ db, settings, worker: 'year', signal, log: pino({ level: 'silent' }) })
  }

  /** What workers that are up do; see the model's deliveries. */
  async deliver(): Promise<void> {
    const { db } = this.#fleet
    await sql`UPDATE notifications SET needs_fallback = false WHERE needs_fallback`.execute(db)
    await sql`UPDATE email_queue SET status = 'sent' WHERE status = 'pending'`.execute(db)
    await sql`UPDATE notifications SET status = 'sent' WHERE status = 'sending' AND type <> 'email'`.execute(db)
    await sql`
      UPDATE notifications AS n
         SET status = CASE WHEN n.not_after <= fleet.utc_now() THEN 'expired'
                           WHEN n.type <> 'system' AND n.recipient IS NULL THEN 'skipped'
                           WHEN named.sum < ${fates.failed} THEN 'failed'
                           WHEN named.sum < ${fates.held} THEN 'held'
                           WHEN named.sum < ${fates.sending} THEN 'sending' ELSE 'sent' END
        FROM (SELECT w.id, left(md5(concat_ws(' ', l.entity_type, l.entity_id, l.stage, l.subscription_end, w.type)), 2) AS sum
                FROM notifications AS w JOIN fleet.notices AS l ON w.event_data ->> 'notice' = 'lifecycle:' || l.id
               WHERE w.status = 'pending' AND w.due_at <= fleet.utc_now() AT TIME ZONE 'UTC') AS named
       WHERE n.id = named.id`.execute(db)
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, notification_id)
      SELECT n.recipient, n.subject, n.message, n.id FROM notifications AS n
       WHERE n.type = 'email' AND n.status = 'sending'
         AND NOT EXISTS (SELECT FROM email_queue AS mail WHERE mail.notification_id = n.id)`.execute(db)
  }

  async query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    return (await this.#database.pool.query<Row>(text, [...values])).rows
  }

  async close(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.end()))
    await this.#fleet.close()
  }
}

async function openSession(url: string, zone: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: url, application_name: `platform in ${zone}` })
  await session.connect()
  await session.query(`SELECT set_config('TimeZone', $1, false)`, [zone])
  return session
}

/** A function that is written anew for each moment would have every trigger plan its statements again. */
async function replaceClock({ pool }: TestDatabase): Promise<void> {
  await pool.query(`
    CREATE TABLE public.year_clock AS SELECT timestamp '${showMoment(yearBegins)}' AS at;
    GRANT SELECT ON public.year_clock TO PUBLIC;
    CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE
      AS $$ SELECT at FROM public.year_clock $$`)
}

async function insertStages({ pool }: TestDatabase): Promise<void> {
  for (const { name, before, channels, urgency } of stages) {
    await pool.query(
      `INSERT INTO fleet.subscription_stages (name, before, template, channels, urgency)
       VALUES ($1, make_interval(hours => $2), $3, $4, $5) ON CONFLICT DO NOTHING`,
      [name, before / (day / 24), before > 0 ? 'subscription_expiring_7d' : 'subscription_expired', channels, urgency],
    )
  }
}

/** What a row must have besides. */
const required: Readonly<Record<TableName, string>> = {
  companies: `'Company ' || id AS name, 'company-' || id AS slug`,
  clients: `'Client ' || id AS name`,
  projects: `'Project ' || id AS name, 'project-' || id AS slug`,
  portraits: `'/portraits/' || id || '.jpg' AS file_path`,
  orders: `'order-' || id AS order_number, 'portrait' AS content_type, 100 AS amount`,
  ar_content: `'Content ' || id AS title, '/content/' || id AS image_path`,
}

async function insertRows({ pool }: TestDatabase, table: TableName, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const values = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([column, value]) => [column, asParameter(column, value)])),
  )
  const more = required[table].match(/(?<= AS )\w+/g) ?? []
  await pool.query(
    `INSERT INTO ${table} (${[...columns, ...more].join(', ')})
     SELECT ${columns.join(', ')}, ${required[table]} FROM jsonb_populate_recordset(NULL::${table}, $1)`,
    [JSON.stringify(values)],
  )
}

function asParameter(column: string, value: unknown): unknown {
  const isMoment = /_(end|at)$/.test(column)
  return isMoment ? toTimestamp(value as number | null) : value
}
