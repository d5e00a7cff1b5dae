import pg from 'pg'
import { expect } from 'vitest'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export interface Stage {
  readonly database: TestDatabase
  /** As whoever runs it, with no more rights than that. */
  readonly worker: Database
  end(): Promise<void>
}

/** A database with company and project 900. */
export async function setStage(): Promise<Stage> {
  const database = await createTestDatabase()
  const worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
  await insertCompany(database)
  return {
    database,
    worker,
    async end() {
      await worker.close()
      await database.drop()
    },
  }
}

export async function insertCompany({ pool }: Pick<Database, 'pool'>): Promise<void> {
  await pool.query(`
    INSERT INTO companies (id, name, slug) VALUES (900, 'Acme', 'acme');
    INSERT INTO projects (id, company_id, name, slug) VALUES (900, 900, 'Spring', 'spring')`)
}

/** AR content of company 900, as its counter stands: NULL, 0 or what the platform has counted. */
export async function insertContents({ pool }: Pick<Database, 'pool'>, counts: Record<number, number | null>) {
  for (const [id, count] of Object.entries(counts)) {
    await pool.query(
      `INSERT INTO ar_content (id, project_id, company_id, title, image_path, views_count) VALUES ($1, 900, 900, 'Hall', '/i', $2)`,
      [id, count],
    )
  }
}

/** A plain INSERT as the platform writes it, with nothing but its columns. */
export const visit = (content: number) =>
  `INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id) VALUES (${content}, 900, 900)`

/**
 * Has `work` stand still in the middle of its first statement that reads `table`, when its snapshot is taken, until `meanwhile` is done.
 */
export async function standStill<T>(
  { pool, url }: TestDatabase,
  table: string,
  { work, meanwhile }: { readonly work: () => Promise<T>; readonly meanwhile: string },
): Promise<T> {
  const [schema, name] = table.split('.')
  await pool.query(`
    CREATE FUNCTION public.wait_for_test() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN true; END $$;
    ALTER TABLE ${table} RENAME TO really_${name};
    CREATE VIEW ${table} AS SELECT * FROM ${schema}.really_${name} WHERE public.wait_for_test();
    GRANT SELECT, DELETE ON ${table} TO fleet_worker`)
  const session = new pg.Client(url)
  await session.connect()
  await session.query('SELECT pg_advisory_lock(4711)')
  const working = work()
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`
  await expect.poll(async () => (await pool.query(waiting)).rowCount).toBe(1)
  await session.query(meanwhile)
  await session.query('SELECT pg_advisory_unlock(4711)')
  await session.end()
  return working
}

export async function viewsOf({ pool }: Pick<Database, 'pool'>): Promise<Record<number, number | null>> {
  const { rows } = await pool.query<{ id: number; views_count: number | null }>(
    'SELECT id, views_count FROM ar_content',
  )
  return Object.fromEntries(rows.map((row) => [row.id, row.views_count]))
}
