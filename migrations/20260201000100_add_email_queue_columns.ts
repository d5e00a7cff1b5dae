import { type Kysely, sql } from 'kysely'

/**
 * What the fleet adds to `email_queue`. Every column is nullable or has a default: the platform inserts rows without knowing them.
 *
 * `due_at`, `enqueued_at` and `prio` are stamped by triggers and are what decisions read: other programs' `DEFAULT now()` in a
 * TIMESTAMP column is local time of whatever zone their session has, and their `priority` may be NULL or out of range.
 *
 * Locks: ACCESS EXCLUSIVE on email_queue while five indexes are built, without a rewrite (constant defaults); the UPDATE touches waiting
 * rows only.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`CREATE SEQUENCE fleet.claim_token_seq`.execute(db)
  await sql`
    ALTER TABLE email_queue
      ADD COLUMN enqueued_at  timestamptz NOT NULL DEFAULT now(),
      ADD COLUMN due_at       timestamptz,
      ADD COLUMN prio         smallint NOT NULL DEFAULT 5,
      ADD COLUMN not_after    timestamp,
      ADD COLUMN dedup_key    varchar(255) CONSTRAINT ux_email_queue_dedup_key UNIQUE,
      ADD COLUMN message_id   text,
      ADD COLUMN recipients   jsonb,
      ADD COLUMN error_class  varchar(50),
      ADD COLUMN claim_token  bigint,
      ADD COLUMN claimed_by   varchar(200),
      ADD COLUMN leased_until timestamptz,
      ADD COLUMN rescues      smallint NOT NULL DEFAULT 0`.execute(db)
  await sql`
    UPDATE email_queue
       SET status = 'pending',
           due_at = coalesce(scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC',
           prio   = greatest(1, least(10, coalesce(priority, 5)))
     WHERE status = 'pending' OR status IS NULL`.execute(db)

  // Claiming probes each priority for its oldest due rows; rows in hand are few; what has ended is listed by when it ended.
  await sql`CREATE INDEX ix_email_queue_claim ON email_queue (prio, due_at, id) WHERE status = 'pending'`.execute(db)
  await sql`CREATE INDEX ix_email_queue_sending ON email_queue (id) WHERE status = 'sending'`.execute(db)
  await sql`
    CREATE INDEX ix_email_queue_not_after ON email_queue (not_after)
     WHERE status = 'pending' AND not_after IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX ix_email_queue_ended ON email_queue (status, updated_at)
     WHERE status NOT IN ('pending', 'sending')`.execute(db)
  // A queue's dead rows pile up at the front of its index: vacuum by their number, not by a share of the history.
  await sql`
    ALTER TABLE email_queue SET (
      autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0.02)`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  // Words that only the fleet knows become ones that every program does.
  await sql`UPDATE email_queue SET status = 'pending' WHERE status = 'sending'`.execute(db)
  await sql`UPDATE email_queue SET status = 'failed' WHERE status IN ('held', 'expired')`.execute(db)
  await sql`
    ALTER TABLE email_queue RESET (
      autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor)`.execute(db)
  await sql`DROP INDEX ix_email_queue_ended, ix_email_queue_not_after, ix_email_queue_sending, ix_email_queue_claim`.execute(
    db,
  )
  await sql`
    ALTER TABLE email_queue
      DROP COLUMN rescues, DROP COLUMN leased_until, DROP COLUMN claimed_by, DROP COLUMN claim_token,
      DROP COLUMN error_class, DROP COLUMN recipients, DROP COLUMN message_id, DROP COLUMN dedup_key,
      DROP COLUMN not_after, DROP COLUMN prio, DROP COLUMN due_at, DROP COLUMN enqueued_at`.execute(db)
  await sql`DROP SEQUENCE fleet.claim_token_seq`.execute(db)
}
