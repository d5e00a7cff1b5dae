import { type Kysely, sql } from 'kysely'

/**
 * Full-text search over `clients`: their names.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on clients while the index is built beside its readers and writers; `down` waits for them likewise.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    DO $$ BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('ix_clients_search') AND NOT indisvalid) THEN
        DROP INDEX ix_clients_search;
      END IF;
    END $$`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_clients_search ON clients
      USING gin (fleet.search_vector(name))`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_clients_search`.execute(db)
}

export const transaction = false
