import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * The indexes that the notifications work by, built while others write: an adopted table may hold years of them.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on notifications, which blocks no reader and no writer, as long as it takes to read it 26 times.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = 'public.notifications'::regclass AND NOT i.indisvalid
           AND c.relname IN (
                 'ux_notifications_dedup_key', 'ix_notifications_claim', 'ix_notifications_sending', 'ix_notifications_not_after',
                 'ix_notifications_ended', 'ix_notifications_chat', 'ix_notifications_chat_sending', 'ix_notifications_group',
                 'ix_notifications_needs_fallback', 'ix_notifications_fallback_of', 'ix_notifications_digest_of',
                 'ix_notifications_held', 'ix_notifications_notice', 'ix_notifications_written', 'ix_notifications_unread')
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await indexQueue(db)
  await indexRelations(db)
}

async function indexQueue(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ux_notifications_dedup_key ON notifications (dedup_key)`.execute(db)
  // Claiming probes each priority of a channel for its oldest due rows; what has ended is listed by when it ended, and counted by channel.
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_claim ON notifications (type, prio, due_at, id)
     WHERE status = 'pending' AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_sending ON notifications (type, leased_until)
     WHERE status = 'sending' AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_not_after ON notifications (not_after)
     WHERE status = 'pending' AND not_after IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_ended ON notifications (status, changed_at) INCLUDE (type)
     WHERE status NOT IN ('pending', 'sending')`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_held ON notifications (type)
     WHERE status = 'held' AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_needs_fallback ON notifications (id)
     WHERE needs_fallback`.execute(db)
}

async function indexRelations(db: Kysely<any>): Promise<void> {
  // What comes before a row in its chat, or belongs to its group; what came of a row; what a company has not read.
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_chat ON notifications (recipient, prio, id)
     WHERE type = 'telegram' AND status IN ('pending', 'sending') AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_chat_sending ON notifications (recipient)
     WHERE type = 'telegram' AND status = 'sending' AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_group ON notifications (group_id, type, id)
     WHERE group_id IS NOT NULL AND status IN ('pending', 'sending') AND digest_of IS NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_fallback_of ON notifications (fallback_of)
     WHERE fallback_of IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_digest_of ON notifications (digest_of)
     WHERE digest_of IS NOT NULL`.execute(db)
  // Which other rows tell the same: by the name that a producer gave the notice, or written for the company at the same time.
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_notice ON notifications ((event_data ->> 'notice'))
     WHERE (event_data ->> 'notice') IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_written ON notifications (company_id, enqueued_at)`.execute(
    db,
  )
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_notifications_unread ON notifications (company_id)
     WHERE type = 'system' AND status = 'sent' AND read_at IS NULL`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_unread`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_written`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_notice`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_digest_of`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_fallback_of`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_group`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_chat_sending`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_chat`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_needs_fallback`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_held`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_ended`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_not_after`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_sending`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_notifications_claim`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ux_notifications_dedup_key`.execute(db)
}
