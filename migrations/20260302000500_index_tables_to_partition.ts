import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * The keys of audit_log and ar_view_sessions as partitioned tables, over `id` and the month's column, made while others write.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on both, which blocks no reader and no writer, as long as it takes to read them twice.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT indexrelid FROM pg_index
         WHERE indexrelid IN (to_regclass('public.audit_log_month_key'), to_regclass('public.ar_view_sessions_month_key'))
           AND NOT indisvalid
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await sql`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS audit_log_month_key ON audit_log (id, created_at)`.execute(
    db,
  )
  await sql`
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ar_view_sessions_month_key
      ON ar_view_sessions (id, created_at)`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ar_view_sessions_month_key`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS audit_log_month_key`.execute(db)
}
