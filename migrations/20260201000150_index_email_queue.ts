import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * The indexes that the mail queue works by, built while others write: an adopted `email_queue` may hold years of mail.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on email_queue, which blocks no reader and no writer, as long as it takes to read it twelve times.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT indexrelid FROM pg_index
         WHERE indexrelid IN (
                 to_regclass('public.ux_email_queue_dedup_key'), to_regclass('public.ux_email_queue_notification_id'),
                 to_regclass('public.ix_email_queue_claim'), to_regclass('public.ix_email_queue_sending'),
                 to_regclass('public.ix_email_queue_not_after'), to_regclass('public.ix_email_queue_ended'))
           AND NOT indisvalid
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ux_email_queue_dedup_key ON email_queue (dedup_key)`.execute(db)
  // Most mail is no notification's, and pays nothing for it.
  await sql`
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ux_email_queue_notification_id ON email_queue (notification_id)
     WHERE notification_id IS NOT NULL`.execute(db)
  // Claiming probes each priority for its oldest due rows; rows in hand are few; what has ended is listed by when it ended.
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_email_queue_claim ON email_queue (prio, due_at, id)
     WHERE status = 'pending'`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_email_queue_sending ON email_queue (id)
     WHERE status = 'sending'`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_email_queue_not_after ON email_queue (not_after)
     WHERE status = 'pending' AND not_after IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_email_queue_ended ON email_queue (status, updated_at)
     WHERE status NOT IN ('pending', 'sending')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_email_queue_ended`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_email_queue_not_after`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_email_queue_sending`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_email_queue_claim`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ux_email_queue_notification_id`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ux_email_queue_dedup_key`.execute(db)
}
