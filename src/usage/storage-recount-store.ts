import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'

/**
 * What a row says and what it should say. The figure is null where it is the platform's to know; then it stays as it is. Rows that are
 * right, and known to be the fleet's, are none of these.
 */
export interface WrongFigures {
  readonly id: number
  /** `files_count`; of a company always null. */
  readonly filesBefore: number | null
  readonly files: number | null
  /** `total_size_bytes` or `storage_used_bytes`, as a decimal number. */
  readonly bytesBefore: string | null
  readonly bytes: string | null
}

export interface WrittenFigures {
  readonly changed: number
  /** Rows that somebody has locked, or changed since they were counted. */
  readonly left: number
}

/** Reading takes as long as it takes to go through every video once: minutes on a slow disk. It locks nothing. */
async function readWithoutHaste<T>(db: Kysely<DB>, read: (trx: Transaction<DB>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`SELECT set_config('statement_timeout', '30min', true)`.execute(trx)
    return read(trx)
  })
}

/** A file for each portrait and each video, and the sizes of the videos. */
export async function listWrongFolders(db: Kysely<DB>): Promise<WrongFigures[]> {
  const { rows } = await readWithoutHaste(db, (trx) =>
    sql<WrongFigures>`
      WITH portrait AS (
        SELECT storage_folder_id AS id, count(*) AS files
          FROM portraits
         WHERE storage_folder_id IS NOT NULL
         GROUP BY storage_folder_id
      ),
      video AS (
        SELECT p.storage_folder_id AS id, count(*) AS files, sum(v.size_bytes) FILTER (WHERE v.size_bytes >= 0) AS bytes
          FROM portraits AS p
          JOIN videos AS v ON v.portrait_id = p.id
         WHERE p.storage_folder_id IS NOT NULL
         GROUP BY p.storage_folder_id
      ),
      folder AS (
        SELECT f.id, f.files_count, f.total_size_bytes, s.files AS our_files, s.bytes AS our_bytes,
               CASE WHEN portrait.id IS NOT NULL OR f.files_count = s.files
                    THEN least(coalesce(portrait.files, 0) + coalesce(video.files, 0), 2147483647)::int END AS files,
               CASE WHEN video.bytes IS NOT NULL OR f.total_size_bytes = s.bytes THEN coalesce(video.bytes, 0)::bigint END AS bytes
          FROM storage_folders AS f
          LEFT JOIN portrait USING (id)
          LEFT JOIN video USING (id)
          LEFT JOIN fleet.storage_counts AS s ON s.entity_type = 'storage_folders' AND s.entity_id = f.id
      )
      SELECT id, files_count AS "filesBefore", files, total_size_bytes::text AS "bytesBefore", bytes::text
        FROM folder
       WHERE (coalesce(files, files_count), coalesce(bytes, total_size_bytes)) IS DISTINCT FROM (files_count, total_size_bytes)
          OR (files, bytes) IS DISTINCT FROM (our_files, our_bytes)
       ORDER BY id`.execute(trx),
  )
  return rows
}

/** The sizes of a company's folders, and of the videos whose portraits lie in none. */
export async function listWrongCompanies(db: Kysely<DB>): Promise<WrongFigures[]> {
  const { rows } = await readWithoutHaste(db, (trx) =>
    sql<WrongFigures>`
      WITH folder AS (
        SELECT company_id AS id, sum(greatest(total_size_bytes, 0)) AS bytes FROM storage_folders GROUP BY company_id
      ),
      elsewhere AS (
        SELECT p.company_id AS id, sum(v.size_bytes) AS bytes
          FROM portraits AS p
          JOIN videos AS v ON v.portrait_id = p.id
         WHERE p.storage_folder_id IS NULL AND v.size_bytes >= 0
         GROUP BY p.company_id
      ),
      company AS (
        SELECT c.id, c.storage_used_bytes, s.bytes AS our_bytes,
               CASE WHEN folder.id IS NOT NULL OR elsewhere.id IS NOT NULL OR c.storage_used_bytes = s.bytes
                    THEN least(coalesce(folder.bytes, 0) + coalesce(elsewhere.bytes, 0), 9223372036854775807)::bigint END AS bytes
          FROM companies AS c
          LEFT JOIN folder USING (id)
          LEFT JOIN elsewhere USING (id)
          LEFT JOIN fleet.storage_counts AS s ON s.entity_type = 'companies' AND s.entity_id = c.id
      )
      SELECT id, NULL AS "filesBefore", NULL AS files, storage_used_bytes::text AS "bytesBefore", bytes::text
        FROM company
       WHERE bytes IS DISTINCT FROM our_bytes OR coalesce(bytes, storage_used_bytes) IS DISTINCT FROM storage_used_bytes
       ORDER BY id`.execute(trx),
  )
  return rows
}

/**
 * Writes the figures of folders that still say what they said when they were counted, so that what the platform adds meanwhile is not
 * lost; and remembers them as the fleet's. Waits for nobody.
 */
export async function writeFolders(db: Kysely<DB>, wrong: readonly WrongFigures[]): Promise<WrittenFigures> {
  const { rows } = await sql<WrittenFigures>`
    WITH wanted AS MATERIALIZED (${recordset(wrong)}),
    free AS MATERIALIZED (
      SELECT f.id
        FROM storage_folders AS f
        JOIN wanted AS w USING (id)
       WHERE (f.files_count, f.total_size_bytes) IS NOT DISTINCT FROM (w."filesBefore", w."bytesBefore")
       ORDER BY f.id
         FOR NO KEY UPDATE OF f SKIP LOCKED
    ),
    changed AS (
      UPDATE storage_folders AS f
         SET files_count = coalesce(w.files, f.files_count), total_size_bytes = coalesce(w.bytes, f.total_size_bytes)
        FROM wanted AS w
       WHERE f.id = w.id AND f.id IN (SELECT id FROM free)
         AND (coalesce(w.files, f.files_count), coalesce(w.bytes, f.total_size_bytes))
               IS DISTINCT FROM (f.files_count, f.total_size_bytes)
   RETURNING f.id
    ),
    remembered AS (${remembering('storage_folders')})
    ${result}`.execute(db)
  return rows[0] ?? { changed: 0, left: 0 }
}

/** The same for companies. */
export async function writeCompanies(db: Kysely<DB>, wrong: readonly WrongFigures[]): Promise<WrittenFigures> {
  const { rows } = await sql<WrittenFigures>`
    WITH wanted AS MATERIALIZED (${recordset(wrong)}),
    free AS MATERIALIZED (
      SELECT c.id
        FROM companies AS c
        JOIN wanted AS w USING (id)
       WHERE c.storage_used_bytes IS NOT DISTINCT FROM w."bytesBefore"
       ORDER BY c.id
         FOR NO KEY UPDATE OF c SKIP LOCKED
    ),
    changed AS (
      UPDATE companies AS c SET storage_used_bytes = w.bytes
        FROM wanted AS w
       WHERE c.id = w.id AND c.id IN (SELECT id FROM free) AND w.bytes IS NOT NULL AND w.bytes IS DISTINCT FROM c.storage_used_bytes
   RETURNING c.id
    ),
    remembered AS (${remembering('companies')})
    ${result}`.execute(db)
  return rows[0] ?? { changed: 0, left: 0 }
}

const recordset = (wrong: readonly WrongFigures[]) => sql`
  SELECT * FROM jsonb_to_recordset(${JSON.stringify(wrong)}::jsonb)
             AS w (id integer, "filesBefore" integer, files integer, "bytesBefore" bigint, bytes bigint)`

const remembering = (entityType: 'storage_folders' | 'companies') => sql`
  INSERT INTO fleet.storage_counts (entity_type, entity_id, files, bytes)
  SELECT ${entityType}, id, files, bytes FROM wanted WHERE id IN (SELECT id FROM free)
      ON CONFLICT (entity_type, entity_id) DO UPDATE SET files = excluded.files, bytes = excluded.bytes`

const result = sql`
  SELECT (SELECT count(*) FROM changed)::int AS changed,
         (SELECT count(*) FROM wanted)::int - (SELECT count(*) FROM free)::int AS "left"`

/** Forgets what was written into folders and companies that are no more. */
export async function forgetGone(db: Kysely<DB>): Promise<void> {
  await sql`
    DELETE FROM fleet.storage_counts AS s
     WHERE CASE entity_type WHEN 'companies' THEN NOT EXISTS (SELECT FROM companies WHERE id = s.entity_id)
                            ELSE NOT EXISTS (SELECT FROM storage_folders WHERE id = s.entity_id) END`.execute(db)
}
