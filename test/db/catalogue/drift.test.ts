import { sql as raw, type Transaction } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Catalogue } from '../../../src/db/catalogue/catalogue.ts'
import { type Comparison, compareCatalogues } from '../../../src/db/catalogue/comparison.ts'
import { readCatalogue } from '../../../src/db/catalogue/reader.ts'
import { expectedCatalogue } from '../../../src/db/catalogue/snapshot.ts'
import type { DB } from '../../../src/db/schema.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

interface Drift {
  readonly what: string
  readonly sql: string
  /** Parts of `object`, of which each names a difference. */
  readonly found: readonly string[]
}

const drifts: readonly Drift[] = [
  {
    what: 'a dropped column with its index',
    sql: 'ALTER TABLE email_queue DROP COLUMN not_after',
    found: ['column public.email_queue.not_after', 'index ix_email_queue_not_after on public.email_queue'],
  },
  {
    what: 'a dropped column that views show',
    sql: 'ALTER TABLE companies DROP COLUMN is_active CASCADE',
    found: [
      'column public.companies.is_active',
      'index ix_companies_is_active on public.companies',
      'view public.active_projects',
      'view public.expiring_portraits',
      'view public.expiring_subscriptions',
    ],
  },
  {
    what: 'another default',
    sql: `ALTER TABLE projects ALTER COLUMN status SET DEFAULT 'paused'`,
    found: ['column public.projects.status'],
  },
  {
    what: 'no default',
    sql: 'ALTER TABLE orders ALTER COLUMN id DROP DEFAULT',
    found: ['column public.orders.id'],
  },
  {
    what: 'a sequence dropped with the default that it served',
    sql: 'DROP SEQUENCE orders_id_seq CASCADE',
    found: ['column public.orders.id'],
  },
  {
    what: 'another type',
    sql: 'ALTER TABLE clients ALTER COLUMN phone TYPE text',
    found: ['column public.clients.phone'],
  },
  {
    what: 'a column that may be NULL',
    sql: 'ALTER TABLE videos ALTER COLUMN file_path DROP NOT NULL',
    found: ['column public.videos.file_path'],
  },
  {
    what: 'a column that may not be NULL',
    sql: 'ALTER TABLE email_queue ALTER COLUMN priority SET NOT NULL',
    found: ['column public.email_queue.priority'],
  },
  {
    what: 'a dropped index',
    sql: 'DROP INDEX ix_email_queue_claim',
    found: ['index ix_email_queue_claim on public.email_queue'],
  },
  {
    what: 'an index over other columns under the same name',
    sql: 'DROP INDEX ix_projects_status; CREATE INDEX ix_projects_status ON projects (status, name)',
    found: ['index ix_projects_status on public.projects'],
  },
  {
    what: 'a unique index that is no longer unique',
    sql: 'DROP INDEX ix_users_email; CREATE INDEX ix_users_email ON users (email)',
    found: ['index ix_users_email on public.users'],
  },
  {
    what: 'a dropped unique constraint',
    sql: 'ALTER TABLE orders DROP CONSTRAINT orders_order_number_key',
    found: ['index orders_order_number_key on public.orders'],
  },
  {
    what: 'a dropped primary key',
    sql: 'ALTER TABLE videos DROP CONSTRAINT videos_pkey CASCADE',
    found: ['index videos_pkey on public.videos', 'foreign key ar_content_active_video_id_fkey on public.ar_content'],
  },
  {
    what: 'an invalid index of the fleet',
    sql: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_email_queue_sending'::regclass`,
    found: ['index ix_email_queue_sending on public.email_queue'],
  },
  {
    what: 'an invalid index of others',
    sql: `CREATE INDEX half_built ON clients (phone);
          UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half_built'::regclass`,
    found: ['index half_built on public.clients'],
  },
  {
    what: 'a dropped foreign key',
    sql: 'ALTER TABLE folders DROP CONSTRAINT folders_project_id_fkey',
    found: ['foreign key folders_project_id_fkey on public.folders'],
  },
  {
    what: 'a foreign key that was never validated',
    sql: `ALTER TABLE clients DROP CONSTRAINT clients_company_id_fkey,
            ADD CONSTRAINT fk_clients FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE CASCADE NOT VALID`,
    found: ['foreign key fk_clients on public.clients'],
  },
  {
    what: 'a foreign key with another delete rule',
    sql: `ALTER TABLE folders DROP CONSTRAINT folders_project_id_fkey,
            ADD CONSTRAINT fk_folders FOREIGN KEY (project_id) REFERENCES projects (id)`,
    found: ['foreign key folders_project_id_fkey on public.folders'],
  },
  {
    what: 'a dropped trigger',
    sql: 'DROP TRIGGER email_queue_stamp ON email_queue',
    found: ['trigger email_queue_stamp on public.email_queue'],
  },
  {
    what: 'a disabled trigger',
    sql: 'ALTER TABLE email_queue DISABLE TRIGGER email_queue_notify_ready',
    found: ['trigger email_queue_notify_ready on public.email_queue'],
  },
  {
    what: 'a trigger on other occasions under the same name',
    sql: `DROP TRIGGER email_queue_stamp ON email_queue;
          CREATE TRIGGER email_queue_stamp BEFORE INSERT OR UPDATE ON email_queue
            FOR EACH ROW EXECUTE FUNCTION fleet.stamp_email()`,
    found: ['trigger email_queue_stamp on public.email_queue'],
  },
  {
    what: 'an edited function',
    sql: `CREATE OR REPLACE FUNCTION fleet.stamp_email() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    found: ['function fleet.stamp_email()'],
  },
  {
    what: 'a function with other attributes',
    sql: 'ALTER FUNCTION fleet.utc_now() VOLATILE SECURITY DEFINER SET search_path = public',
    found: ['function fleet.utc_now()'],
  },
  {
    what: 'a dropped function with its triggers',
    sql: 'DROP FUNCTION fleet.notify_email_ready() CASCADE',
    found: ['function fleet.notify_email_ready()', 'trigger email_queue_notify_ready on public.email_queue'],
  },
  {
    what: 'a dropped view',
    sql: 'DROP VIEW expiring_subscriptions',
    found: ['view public.expiring_subscriptions'],
  },
  {
    what: 'an edited view',
    sql: `CREATE OR REPLACE VIEW public.active_projects AS
            SELECT p.*, c.name AS company_name FROM projects p JOIN companies c ON p.company_id = c.id`,
    found: ['view public.active_projects'],
  },
  {
    what: 'a view with fewer columns',
    sql: 'DROP VIEW active_projects; CREATE VIEW public.active_projects AS SELECT 1 AS id',
    found: ['view public.active_projects'],
  },
  {
    what: 'a dropped table that others refer to',
    sql: 'DROP TABLE users CASCADE',
    found: [
      'table public.users',
      'foreign key audit_log_actor_id_fkey on public.audit_log',
      'foreign key companies_created_by_fkey on public.companies',
      'foreign key storage_connections_created_by_fkey on public.storage_connections',
    ],
  },
  {
    what: 'a dropped sequence of the fleet',
    sql: 'DROP SEQUENCE fleet.claim_token_seq',
    found: ['sequence fleet.claim_token_seq'],
  },
  {
    what: 'storage parameters that are gone',
    sql: 'ALTER TABLE email_queue RESET (autovacuum_vacuum_threshold)',
    found: ['table public.email_queue'],
  },
  {
    what: 'a privilege taken away',
    sql: 'REVOKE USAGE ON SCHEMA fleet FROM PUBLIC',
    found: ['grants on schema fleet'],
  },
  {
    what: 'a comment that is gone',
    sql: 'COMMENT ON FUNCTION fleet.utc_now() IS NULL; COMMENT ON COLUMN fleet.migrations.name IS NULL',
    found: ['comments of function fleet.utc_now()', 'comments of table fleet.migrations'],
  },
  {
    what: 'a privilege given on what is the fleet’s',
    sql: 'GRANT INSERT ON fleet.migrations TO PUBLIC',
    found: ['grants on table fleet.migrations'],
  },
  {
    what: 'an extra column on a table of the fleet',
    sql: 'ALTER TABLE fleet.migrations ADD COLUMN mine text',
    found: ['column fleet.migrations.mine'],
  },
  {
    what: 'extra objects in the fleet’s schema',
    sql: `CREATE TABLE fleet.mine (id integer); CREATE INDEX ix_mine ON fleet.migrations (lower(name));
          CREATE FUNCTION fleet.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    found: ['function fleet.mine()', 'table fleet.mine', 'index ix_mine on fleet.migrations'],
  },
  {
    what: 'a dropped extension',
    sql: 'DROP EXTENSION "uuid-ossp" CASCADE',
    found: [
      'extension "uuid-ossp"',
      'column public.ar_content.unique_id',
      'column public.ar_view_sessions.session_id',
      'column public.portraits.unique_id',
    ],
  },
  {
    what: 'a table of pg-boss that is gone',
    sql: 'DROP TABLE pgboss.warning',
    found: ['table pgboss.warning'],
  },
]

/** What is dropped takes its comments, rights and policies with it. */
function isConsequence(object: string): boolean {
  return /^(comments of (table|view) public|grants on table public|policy )/.test(object)
}

describe('drift', () => {
  let database: TestDatabase
  let expected: Catalogue
  beforeAll(async () => {
    expected = await expectedCatalogue('fleet')
    database = await createTestDatabase()
  })
  // Every case leaves the database mended, for the next one.
  afterAll(() => database.drop())

  const compare = async (): Promise<Comparison> => compareCatalogues(expected, await readCatalogue(database.db))

  test.each(drifts)('$what is found, and its remedy mends it', async ({ sql, found }) => {
    await database.pool.query(sql)
    const { differences } = await compare()
    const objects = differences.map(({ object }) => object).filter((object) => !isConsequence(object))
    expect(objects.sort()).toEqual([...found].sort())
    for (const { remedy } of differences) for (const statement of remedy) await database.pool.query(statement)
    expect((await compare()).differences).toEqual([])
  })

  test.each([
    'REVOKE EXECUTE ON FUNCTION update_updated_at_column() FROM PUBLIC',
    'COMMENT ON SCHEMA fleet IS NULL',
    `COMMENT ON SCHEMA fleet IS 'Where the cars are'`,
  ])('is none what a platform may have done before: %s', async (statement) => {
    await undone(async (transaction) => {
      await raw.raw(statement).execute(transaction)
      expect(compareCatalogues(expected, await readCatalogue(transaction)).differences).toEqual([])
    })
  })

  test.each([
    ['IntervalStyle', 'sql_standard'],
    ['DateStyle', 'German, DMY'],
    ['TimeZone', 'Asia/Tokyo'],
    ['quote_all_identifiers', 'on'],
  ])('is none where the database has set %s to %s, and the session keeps it', async (name, value) => {
    await undone(async (transaction) => {
      await raw`SELECT set_config(${name}, ${value}, true)`.execute(transaction)
      expect(compareCatalogues(expected, await readCatalogue(transaction)).differences).toEqual([])
      const { rows } = await raw<{ value: string }>`SELECT current_setting(${name}) AS value`.execute(transaction)
      expect(rows).toEqual([{ value }])
    })
  })

  async function undone(act: (transaction: Transaction<DB>) => Promise<void>): Promise<void> {
    const transaction = await database.db.startTransaction().execute()
    try {
      await act(transaction)
    } finally {
      await transaction.rollback().execute()
    }
  }
})
