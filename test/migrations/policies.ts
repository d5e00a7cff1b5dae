import pg from 'pg'
import type { TestDatabase } from '../support/database.ts'

/** What a session of `fleet_app` is: the platform at work for one company. */
export interface CompanySession {
  /** Answers the rows. */
  rows(statement: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** Answers how many rows were written. */
  write(statement: string): Promise<number | null>
}

/**
 * Acts for a company as the platform does through a pooler: one transaction, the setting only in it. Rolled back, so that each test
 * finds the same rows. `companyId` undefined leaves the setting alone.
 */
export async function asCompany<T>(
  { url }: Pick<TestDatabase, 'url'>,
  companyId: string | undefined,
  act: (session: CompanySession) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query('BEGIN; SET LOCAL ROLE fleet_app')
    if (companyId !== undefined) await client.query(`SELECT set_config('app.company_id', $1, true)`, [companyId])
    return await act({
      rows: async (statement, values = []) => (await client.query(statement, [...values])).rows,
      write: async (statement) => (await client.query(statement)).rowCount,
    })
  } finally {
    await client.end()
  }
}

/** Two companies, 1 and 2, with a row of each in every table; the ids of the second end where those of the first do, plus one. */
export async function insertTwoCompanies(pool: pg.Pool): Promise<void> {
  await pool.query('TRUNCATE companies, users, storage_connections, email_queue, audit_log RESTART IDENTITY CASCADE')
  for (const id of [1, 2]) {
    await pool.query(`
      INSERT INTO companies (name, slug) VALUES ('Company ${id}', 'company-${id}');
      INSERT INTO storage_folders (company_id, name, path) VALUES (${id}, 'files', '/${id}');
      INSERT INTO projects (company_id, name, slug, subscription_end) VALUES (${id}, 'Project ${id}', 'p', fleet.utc_now());
      INSERT INTO folders (project_id, name) VALUES (${id}, 'Folder ${id}');
      INSERT INTO clients (company_id, name) VALUES (${id}, 'Client ${id}');
      INSERT INTO orders (company_id, client_id, order_number, content_type, amount) VALUES (${id}, ${id}, 'A-${id}', 'x', 1);
      INSERT INTO portraits (company_id, client_id, folder_id, storage_folder_id, file_path) VALUES (${id}, ${id}, ${id}, ${id}, '/p');
      INSERT INTO videos (portrait_id, file_path) VALUES (${id}, '/v');
      INSERT INTO ar_content (project_id, company_id, title, image_path, active_video_id) VALUES (${id}, ${id}, 'Hall', '/i', ${id});
      INSERT INTO video_rotation_schedules (ar_content_id, rotation_type) VALUES (${id}, 'daily');
      INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id) VALUES (${id}, ${id}, ${id});
      INSERT INTO notifications (company_id, project_id, ar_content_id, type) VALUES (${id}, ${id}, ${id}, 'system')`)
  }
  await pool.query(`INSERT INTO notifications (type) VALUES ('system')`)
}
