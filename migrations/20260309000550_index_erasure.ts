import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * Ended mail that still says what it said, by when it ended: what retention of bodies finds, and finds no more once it is erased.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on email_queue, which blocks no reader and no writer, as long as it takes to read it twice.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT indexrelid FROM pg_index WHERE indexrelid = to_regclass('public.ix_email_queue_unerased') AND NOT indisvalid
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_email_queue_unerased ON email_queue (updated_at)
     WHERE erased_at IS NULL AND status IN ('sent', 'failed', 'cancelled', 'expired')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_email_queue_unerased`.execute(db)
}
