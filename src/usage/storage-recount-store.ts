import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'

export interface RecountedRows {
  /** Rows that the batch looked at; 0 where there are none behind `from`. */
  readonly rows: number
  /** Those that said something else. */
  readonly changed: number
  /** Those that would have changed, had nobody locked or changed them meanwhile. */
  readonly left: number
  /** Where the next batch goes on; null where this one found nothing. */
  readonly to: number | null
}

const noRows: RecountedRows = { rows: 0, changed: 0, left: 0, to: null }

/** For a batch, which takes as long as it takes to read what one company has: it locks nothing until it writes. */
export async function withoutHaste<T>(db: Kysely<DB>, work: (trx: Transaction<DB>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`SELECT set_config('statement_timeout', '10min', true)`.execute(trx)
    return work(trx)
  })
}

/**
 * Recounts the folders behind `from`: a file for each portrait and each video, the sizes of the videos. What the database holds nothing of
 * stays as it is, unless the fleet itself has written it. Counting locks nothing; a row is written where it still says what it said
 * when the counting began, so that what the platform adds meanwhile is not lost.
 */
export async function recountFolderBatch(trx: Transaction<DB>, from: number, size: number): Promise<RecountedRows> {
  const { rows } = await sql<RecountedRows>`
    WITH folder AS MATERIALIZED (
      SELECT f.id, f.files_count, f.total_size_bytes, s.files AS our_files, s.bytes AS our_bytes
        FROM storage_folders AS f
        LEFT JOIN fleet.storage_counts AS s ON s.entity_type = 'storage_folders' AND s.entity_id = f.id
       WHERE f.id > ${from}
       ORDER BY f.id
       LIMIT ${sql.lit(size)}
    ),
    portrait AS (
      SELECT storage_folder_id AS id, count(*) AS files
        FROM portraits
       WHERE storage_folder_id IN (SELECT id FROM folder)
       GROUP BY storage_folder_id
    ),
    video AS (
      SELECT p.storage_folder_id AS id, count(*) AS files, sum(CASE WHEN v.size_bytes >= 0 THEN v.size_bytes END) AS bytes
        FROM portraits AS p
        JOIN videos AS v ON v.portrait_id = p.id
       WHERE p.storage_folder_id IN (SELECT id FROM folder)
       GROUP BY p.storage_folder_id
    ),
    wanted AS MATERIALIZED (
      SELECT f.*,
             CASE WHEN portrait.id IS NOT NULL OR f.files_count = f.our_files
                  THEN least(coalesce(portrait.files, 0) + coalesce(video.files, 0), 2147483647)::int END AS files,
             CASE WHEN video.bytes IS NOT NULL OR f.total_size_bytes = f.our_bytes
                  THEN coalesce(video.bytes, 0)::bigint END AS bytes
        FROM folder AS f
        LEFT JOIN portrait USING (id)
        LEFT JOIN video USING (id)
    ),
    free AS MATERIALIZED (
      SELECT f.id
        FROM storage_folders AS f
        JOIN wanted AS w USING (id)
       WHERE (f.files_count, f.total_size_bytes) IS NOT DISTINCT FROM (w.files_count, w.total_size_bytes)
         AND (coalesce(w.files, w.files_count), coalesce(w.bytes, w.total_size_bytes))
               IS DISTINCT FROM (f.files_count, f.total_size_bytes)
       ORDER BY f.id
         FOR NO KEY UPDATE OF f SKIP LOCKED
    ),
    changed AS (
      UPDATE storage_folders AS f
         SET files_count = coalesce(w.files, f.files_count), total_size_bytes = coalesce(w.bytes, f.total_size_bytes)
        FROM wanted AS w
       WHERE f.id = w.id AND w.id IN (SELECT id FROM free)
   RETURNING f.id
    ),
    right_now AS (
      SELECT id, files, bytes, our_files, our_bytes
        FROM wanted
       WHERE id IN (SELECT id FROM changed)
          OR (coalesce(files, files_count), coalesce(bytes, total_size_bytes)) IS NOT DISTINCT FROM (files_count, total_size_bytes)
    ),
    remembered AS (
      INSERT INTO fleet.storage_counts AS s (entity_type, entity_id, files, bytes)
      SELECT 'storage_folders', id, files, bytes FROM right_now
       WHERE (files, bytes) IS DISTINCT FROM (our_files, our_bytes)
          ON CONFLICT (entity_type, entity_id) DO UPDATE SET files = excluded.files, bytes = excluded.bytes
    )
    SELECT (SELECT count(*) FROM wanted)::int AS rows,
           (SELECT max(id) FROM wanted) AS "to",
           (SELECT count(*) FROM changed)::int AS changed,
           (SELECT count(*) FROM wanted)::int - (SELECT count(*) FROM right_now)::int AS "left"`.execute(trx)
  return rows[0] ?? noRows
}

/**
 * Recounts the companies behind `from`, in the same way: the sizes of their folders, and of the videos whose portraits lie in none. Where
 * a company has neither, its figure stays as it is, unless the fleet itself has written it.
 */
export async function recountCompanyBatch(trx: Transaction<DB>, from: number, size: number): Promise<RecountedRows> {
  const { rows } = await sql<RecountedRows>`
    WITH company AS MATERIALIZED (
      SELECT c.id, c.storage_used_bytes, s.bytes AS our_bytes
        FROM companies AS c
        LEFT JOIN fleet.storage_counts AS s ON s.entity_type = 'companies' AND s.entity_id = c.id
       WHERE c.id > ${from}
       ORDER BY c.id
       LIMIT ${sql.lit(size)}
    ),
    folder AS (
      SELECT company_id AS id, coalesce(sum(greatest(total_size_bytes, 0)), 0) AS bytes
        FROM storage_folders
       WHERE company_id IN (SELECT id FROM company)
       GROUP BY company_id
    ),
    elsewhere AS (
      SELECT p.company_id AS id, sum(v.size_bytes) AS bytes
        FROM portraits AS p
        JOIN videos AS v ON v.portrait_id = p.id
       WHERE p.company_id IN (SELECT id FROM company) AND p.storage_folder_id IS NULL AND v.size_bytes >= 0
       GROUP BY p.company_id
    ),
    wanted AS MATERIALIZED (
      SELECT c.*,
             CASE WHEN folder.id IS NOT NULL OR elsewhere.id IS NOT NULL OR c.storage_used_bytes = c.our_bytes
                  THEN least(coalesce(folder.bytes, 0) + coalesce(elsewhere.bytes, 0), 9223372036854775807)::bigint END AS bytes
        FROM company AS c
        LEFT JOIN folder USING (id)
        LEFT JOIN elsewhere USING (id)
    ),
    free AS MATERIALIZED (
      SELECT c.id
        FROM companies AS c
        JOIN wanted AS w USING (id)
       WHERE c.storage_used_bytes IS NOT DISTINCT FROM w.storage_used_bytes
         AND w.bytes IS NOT NULL AND w.bytes IS DISTINCT FROM c.storage_used_bytes
       ORDER BY c.id
         FOR NO KEY UPDATE OF c SKIP LOCKED
    ),
    changed AS (
      UPDATE companies AS c SET storage_used_bytes = w.bytes
        FROM wanted AS w
       WHERE c.id = w.id AND w.id IN (SELECT id FROM free)
   RETURNING c.id
    ),
    right_now AS (
      SELECT id, bytes, our_bytes FROM wanted
       WHERE id IN (SELECT id FROM changed) OR bytes IS NULL OR bytes = storage_used_bytes
    ),
    remembered AS (
      INSERT INTO fleet.storage_counts AS s (entity_type, entity_id, bytes)
      SELECT 'companies', id, bytes FROM right_now WHERE bytes IS DISTINCT FROM our_bytes
          ON CONFLICT (entity_type, entity_id) DO UPDATE SET bytes = excluded.bytes
    )
    SELECT (SELECT count(*) FROM wanted)::int AS rows,
           (SELECT max(id) FROM wanted) AS "to",
           (SELECT count(*) FROM changed)::int AS changed,
           (SELECT count(*) FROM wanted)::int - (SELECT count(*) FROM right_now)::int AS "left"`.execute(trx)
  return rows[0] ?? noRows
}

/** Forgets what was written into folders and companies that are no more. */
export async function forgetGone(db: Kysely<DB>): Promise<void> {
  await sql`
    DELETE FROM fleet.storage_counts AS s
     WHERE CASE entity_type WHEN 'companies' THEN NOT EXISTS (SELECT FROM companies WHERE id = s.entity_id)
                            ELSE NOT EXISTS (SELECT FROM storage_folders WHERE id = s.entity_id) END`.execute(db)
}
