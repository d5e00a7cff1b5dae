import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type PlanOptions, planSweep } from '../../src/subscriptions/plan.ts'
import type { SweepSettings } from '../../src/subscriptions/settings.ts'
import { type SweepOptions, sweep } from '../../src/subscriptions/sweep.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const settings: SweepSettings = {
  defaultLocale: 'ru',
  defaultTimeZone: 'Europe/Moscow',
  hours: { opens: '09:00', closes: '20:00' },
  longPastDays: 30,
  maxChanges: 1_000,
  maxPercent: 5,
  admin: { email: 'admin@vertex.example', telegramChatId: undefined },
}

/** What the tests of subscriptions share: a database without any, whose clock the test sets, and company 1, in Moscow, with an address and a chat. */
export function setSubscriptions() {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await sql`CREATE TABLE public.test_clock (now timestamp NOT NULL)`.execute(database.db)
    await sql`INSERT INTO public.test_clock VALUES ('2026-03-02 09:00')`.execute(database.db)
    await sql`GRANT SELECT ON public.test_clock TO PUBLIC`.execute(database.db)
    await sql`
      CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE
      AS $$ SELECT now FROM public.test_clock $$`.execute(database.db)
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    await sql`
      TRUNCATE notifications, email_queue, projects, portraits, orders, clients, ar_content, audit_log, fleet.notices,
               fleet.lifecycle_acts, fleet.sweeps RESTART IDENTITY CASCADE`.execute(database.db)
    await sql`DELETE FROM companies WHERE id > 1`.execute(database.db)
    await sql`DELETE FROM fleet.subscription_stages WHERE name NOT IN ('7d', '24h', 'expired', 'suspended')`.execute(
      database.db,
    )
    await sql`
      UPDATE companies
         SET name = 'Acme', contact_email = 'office@acme.example', telegram_chat_id = '7001', contact_phone = NULL, timezone = NULL,
             locale = NULL, is_active = true, subscription_expires_at = NULL, quiet_from = NULL, quiet_until = NULL
       WHERE id = 1`.execute(database.db)
    await set('2026-03-02 09:00')
  })

  async function set(now: string): Promise<void> {
    await sql`UPDATE public.test_clock SET now = ${now}::timestamp`.execute(database.db)
  }

  return {
    get database() {
      return database
    },
    /** Sets the clock, in UTC. */
    set,
    sweep: (
      options?: SweepOptions,
      changed: Partial<SweepSettings> = {},
      signal: AbortSignal = new AbortController().signal,
    ) =>
      sweep(
        {
          db: database.db,
          settings: { ...settings, ...changed },
          worker: 'test',
          signal,
          log: pino({ level: 'silent' }),
        },
        options,
      ),
    plan: (options?: PlanOptions) => planSweep(database.db, settings, options),
    /** Of company 1, named after its place, unless said otherwise. Answers its number. */
    async project(columns: Record<string, unknown> = {}): Promise<number> {
      return insert('projects', { company_id: 1, name: 'Hall', slug: `s${Math.random()}`, ...columns })
    },
    async portrait(columns: Record<string, unknown> = {}): Promise<number> {
      return insert('portraits', { company_id: 1, file_path: '/portraits/ann.jpg', ...columns })
    },
    insert,
    async query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
      return (await database.pool.query(text, values)).rows
    },
    /** The decisions of the ledger, as `entity stage outcome reason`. */
    async ledger(): Promise<string[]> {
      const { rows } = await database.pool.query(
        `SELECT concat_ws(' ', entity_type, entity_id, stage, outcome, reason) AS line FROM fleet.notices ORDER BY id`,
      )
      return rows.map(({ line }) => line)
    },
    notifications: () =>
      database.db
        .selectFrom('notifications')
        .select(['id', 'type', 'company_id', 'recipient', 'subject', 'status', 'group_id', 'scheduled_at', 'not_after'])
        .select(['notification_type', 'priority', 'event_data', 'project_id'])
        .orderBy('id')
        .execute(),
  }

  async function insert(table: string, columns: Record<string, unknown>): Promise<number> {
    const names = Object.keys(columns)
    const { rows } = await database.pool.query(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) RETURNING id`,
      Object.values(columns),
    )
    return rows[0].id
  }
}
