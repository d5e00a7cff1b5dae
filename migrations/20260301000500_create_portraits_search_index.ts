import { type Kysely, sql } from 'kysely'

/**
 * Full-text search over `portraits`: the names of their files alone, whose matches are ranked first, and with whatever else says where they are.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on portraits while the index is built beside its readers and writers; `down` waits for them likewise.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    DO $$ BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('ix_portraits_search') AND NOT indisvalid) THEN
        DROP INDEX ix_portraits_search;
      END IF;
    END $$`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_portraits_search ON portraits
      USING gin (
        fleet.search_vector(fleet.file_name(file_path)),
        fleet.search_vector(
          fleet.file_name(file_path),
          fleet.portrait_details(
            unique_id, file_path, public_url, image_path, image_url, thumbnail_path, marker_path, marker_url)))`.execute(
    db,
  )
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_portraits_search`.execute(db)
}

export const transaction = false
