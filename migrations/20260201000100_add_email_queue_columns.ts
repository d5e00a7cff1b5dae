import { type Kysely, sql } from 'kysely'

/**
 * What the fleet adds to `email_queue`. Every column is nullable or has a default: the platform inserts rows without knowing them.
 *
 * `due_at`, `enqueued_at` and `prio` are stamped by triggers and are what decisions read: other programs' `DEFAULT now()` in a
 * TIMESTAMP column is local time of whatever zone their session has, and their `priority` may be NULL or out of range.
 *
 * Mail that waits already may have waited for years, since the platform never sent any: what is due is held, with the error class
 * `adopted`, until somebody replays it. `fleet.adopted_emails` remembers which status each such row had.
 *
 * Locks: ACCESS EXCLUSIVE on email_queue while it is read once and what waits is marked, without a rewrite (constant defaults).
 */
export async function up(db: Kysely<any>): Promise<void> {
  await addColumns(db)
  await holdWaitingMail(db)
  await setStorage(db)
}

async function addColumns(db: Kysely<any>): Promise<void> {
  await sql`CREATE SEQUENCE fleet.claim_token_seq`.execute(db)
  await sql`
    ALTER TABLE email_queue
      ADD COLUMN enqueued_at  timestamptz NOT NULL DEFAULT now(),
      ADD COLUMN due_at       timestamptz,
      ADD COLUMN prio         smallint NOT NULL DEFAULT 5,
      ADD COLUMN not_after    timestamp,
      ADD COLUMN dedup_key    varchar(255),
      ADD COLUMN message_id   text,
      ADD COLUMN recipients   jsonb,
      ADD COLUMN error_class  varchar(50),
      ADD COLUMN claim_token  bigint,
      ADD COLUMN claimed_by   varchar(200),
      ADD COLUMN claimed_at   timestamptz,
      ADD COLUMN leased_until timestamptz,
      ADD COLUMN rescues      smallint NOT NULL DEFAULT 0,
      ADD COLUMN when_ambiguous text,
      ADD COLUMN notification_id integer`.execute(db)
}

async function holdWaitingMail(db: Kysely<any>): Promise<void> {
  // Also remembered: rows that have one of the words that only the fleet uses. To it, they would be its own.
  await sql`
    CREATE TABLE fleet.adopted_emails (
      id     integer PRIMARY KEY,
      status varchar(50)
    )`.execute(db)
  await sql`
    INSERT INTO fleet.adopted_emails (id, status)
    SELECT id, status FROM email_queue WHERE status IS NULL OR status IN ('pending', 'sending', 'held', 'expired')`.execute(
    db,
  )
  await sql`
    SELECT fleet.without_triggers('public.email_queue', $$
      UPDATE public.email_queue
         SET status      = CASE WHEN coalesce(status, 'pending') = 'pending' AND scheduled_at > fleet.utc_now() THEN 'pending' ELSE 'held' END,
             error_class = CASE WHEN coalesce(status, 'pending') = 'pending' AND scheduled_at > fleet.utc_now() THEN NULL ELSE 'adopted' END,
             due_at      = coalesce(scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC',
             prio        = greatest(1, least(10, coalesce(priority, 5)))
       WHERE status IS NULL OR status IN ('pending', 'sending')
    $$)`.execute(db)
  await sql`
    INSERT INTO fleet.adoptions (kind, name, what, change)
    SELECT 'mail', 'email_queue', 'changed',
           format('%s due, held with error_class adopted: replay or cancel them', count(*))
      FROM email_queue WHERE error_class = 'adopted' HAVING count(*) > 0
     UNION ALL
    SELECT 'mail', 'email_queue', 'changed', format('%s scheduled for later, status NULL became pending', count(*))
      FROM email_queue JOIN fleet.adopted_emails a USING (id)
     WHERE a.status IS NULL AND error_class IS NULL HAVING count(*) > 0`.execute(db)
}

async function setStorage(db: Kysely<any>): Promise<void> {
  await sql`
    INSERT INTO fleet.adoptions (kind, name, what, change, undo)
    SELECT 'storage', 'email_queue', 'changed', 'autovacuum runs oftener',
           format('ALTER TABLE public.email_queue SET (%s)', string_agg(setting, ', '))
      FROM pg_class, unnest(reloptions) AS setting
     WHERE oid = 'public.email_queue'::regclass
       AND split_part(setting, '=', 1) IN (
             'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold', 'autovacuum_analyze_scale_factor')
    HAVING count(*) > 0`.execute(db)
  // A queue's dead rows pile up at the front of its index: vacuum by their number, not by a share of the history.
  await sql`
    ALTER TABLE email_queue SET (
      autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0.02)`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await restoreWaitingMail(db)
  await sql`
    ALTER TABLE email_queue RESET (
      autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor)`.execute(db)
  await sql`SELECT fleet.withdraw('storage', 'email_queue')`.execute(db)
  await sql`
    ALTER TABLE email_queue
      DROP COLUMN notification_id, DROP COLUMN when_ambiguous, DROP COLUMN rescues, DROP COLUMN leased_until,
      DROP COLUMN claimed_at, DROP COLUMN claimed_by, DROP COLUMN claim_token, DROP COLUMN error_class, DROP COLUMN recipients,
      DROP COLUMN message_id, DROP COLUMN dedup_key, DROP COLUMN not_after, DROP COLUMN prio, DROP COLUMN due_at, DROP COLUMN enqueued_at`.execute(
    db,
  )
  await sql`DROP SEQUENCE fleet.claim_token_seq`.execute(db)
}

/** Rows that are as the adoption left them get their status back; words that only the fleet knows become ones that every program does. */
async function restoreWaitingMail(db: Kysely<any>): Promise<void> {
  await sql`
    SELECT fleet.without_triggers('public.email_queue', $$
      UPDATE public.email_queue AS q
         SET status = a.status
        FROM fleet.adopted_emails AS a
       WHERE a.id = q.id AND q.status IN ('pending', 'sending', 'held', 'expired') AND q.status IS DISTINCT FROM a.status
    $$)`.execute(db)
  await sql`
    UPDATE email_queue
       SET status = CASE status WHEN 'sending' THEN 'pending' ELSE 'failed' END
     WHERE status IN ('sending', 'held', 'expired') AND id NOT IN (SELECT id FROM fleet.adopted_emails)`.execute(db)
  await sql`DROP TABLE fleet.adopted_emails`.execute(db)
  await sql`SELECT fleet.withdraw('mail', 'email_queue')`.execute(db)
}
