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

export async function viewsOf({ pool }: Pick<Database, 'pool'>): Promise<Record<number, number | null>> {
  const { rows } = await pool.query<{ id: number; views_count: number | null }>(
    'SELECT id, views_count FROM ar_content',
  )
  return Object.fromEntries(rows.map((row) => [row.id, row.views_count]))
}
