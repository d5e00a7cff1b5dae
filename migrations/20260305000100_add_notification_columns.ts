import { type Kysely, sql } from 'kysely'

/**
 * What the fleet adds to `notifications`, the columns that make it a queue like `email_queue`, and to `companies`, their quiet hours.
 * Every column is nullable or has a default: the platform inserts rows without knowing them.
 *
 * Notices that wait already may have waited for years: they are held, with the error class `adopted`, until somebody replays them; but
 * what is told in the application is there already. `fleet.adopted_notifications` remembers which status each such row had.
 *
 * Locks: ACCESS EXCLUSIVE on notifications while it is read once and what waits is marked, and on companies, briefly; without a rewrite
 * (constant defaults).
 */
export async function up(db: Kysely<any>): Promise<void> {
  await addColumns(db)
  await holdWaitingNotices(db)
  await setStorage(db)
  await sql`
    ALTER TABLE companies
      ADD COLUMN timezone    varchar(64),
      ADD COLUMN quiet_from  time,
      ADD COLUMN quiet_until time`.execute(db)
}

async function addColumns(db: Kysely<any>): Promise<void> {
  await sql`
    ALTER TABLE notifications
      ADD COLUMN scheduled_at   timestamp,
      ADD COLUMN not_after      timestamp,
      ADD COLUMN dedup_key      varchar(255),
      ADD COLUMN enqueued_at    timestamptz NOT NULL DEFAULT now(),
      ADD COLUMN changed_at     timestamptz NOT NULL DEFAULT 'epoch',
      ADD COLUMN due_at         timestamptz,
      ADD COLUMN prio           smallint NOT NULL DEFAULT 5,
      ADD COLUMN attempts       integer DEFAULT 0,
      ADD COLUMN max_attempts   integer DEFAULT 3,
      ADD COLUMN last_error     text,
      ADD COLUMN error_class    varchar(50),
      ADD COLUMN recipient      text,
      ADD COLUMN parts          jsonb,
      ADD COLUMN claim_token    bigint,
      ADD COLUMN claimed_by     varchar(200),
      ADD COLUMN claimed_at     timestamptz,
      ADD COLUMN leased_until   timestamptz,
      ADD COLUMN rescues        smallint NOT NULL DEFAULT 0,
      ADD COLUMN when_ambiguous text,
      ADD COLUMN fallback_of    integer,
      ADD COLUMN needs_fallback boolean NOT NULL DEFAULT false,
      ADD COLUMN digest_of      integer,
      ADD COLUMN digest_size    integer`.execute(db)
  // When the rows that are there changed last nobody knows. With the time of the migration all of history would have failed just now.
  await sql`ALTER TABLE notifications ALTER COLUMN changed_at SET DEFAULT now()`.execute(db)
}

async function holdWaitingNotices(db: Kysely<any>): Promise<void> {
  // Also remembered: rows that have one of the words that only the fleet uses.
  await sql`
    CREATE TABLE fleet.adopted_notifications (
      id     integer PRIMARY KEY,
      status varchar(50)
    )`.execute(db)
  await sql`
    INSERT INTO fleet.adopted_notifications (id, status)
    SELECT id, status FROM notifications
     WHERE status IS NULL OR status IN ('pending', 'sending', 'held', 'expired', 'skipped', 'cancelled')`.execute(db)
  await sql`
    SELECT fleet.without_triggers('public.notifications', $$
      UPDATE public.notifications
         SET status       = CASE WHEN type = 'system' THEN 'sent' ELSE 'held' END,
             error_class  = CASE WHEN type = 'system' THEN NULL ELSE 'adopted' END,
             changed_at   = coalesce(created_at, fleet.utc_now()) AT TIME ZONE 'UTC',
             due_at       = fleet.utc_now() AT TIME ZONE 'UTC',
             prio         = CASE lower(btrim(priority)) WHEN 'urgent' THEN 1 WHEN 'high' THEN 3 WHEN 'low' THEN 7 ELSE 5 END
       WHERE status IS NULL OR status IN ('pending', 'sending')
    $$)`.execute(db)
  await sql`
    INSERT INTO fleet.adoptions (kind, name, what, change)
    SELECT 'notices', 'notifications', 'changed',
           format('%s waiting, held with error_class adopted: replay or cancel them', count(*))
      FROM notifications WHERE error_class = 'adopted' HAVING count(*) > 0
     UNION ALL
    SELECT 'notices', 'notifications', 'changed', format('%s in the application, which count as sent', count(*))
      FROM notifications JOIN fleet.adopted_notifications a USING (id)
     WHERE notifications.type = 'system' AND notifications.status = 'sent' HAVING count(*) > 0`.execute(db)
}

async function setStorage(db: Kysely<any>): Promise<void> {
  await sql`
    INSERT INTO fleet.adoptions (kind, name, what, change, undo)
    SELECT 'storage', 'notifications', 'changed', 'autovacuum runs oftener',
           format('ALTER TABLE public.notifications SET (%s)', string_agg(setting, ', '))
      FROM pg_class, unnest(reloptions) AS setting
     WHERE oid = 'public.notifications'::regclass
       AND split_part(setting, '=', 1) IN (
             'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold', 'autovacuum_analyze_scale_factor')
    HAVING count(*) > 0`.execute(db)
  // As with email_queue: vacuum by the number of dead rows, not by a share of the history.
  await sql`
    ALTER TABLE notifications SET (
      autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0.02)`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`ALTER TABLE companies DROP COLUMN quiet_until, DROP COLUMN quiet_from, DROP COLUMN timezone`.execute(db)
  await restoreWaitingNotices(db)
  await sql`
    ALTER TABLE notifications RESET (
      autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor)`.execute(db)
  await sql`SELECT fleet.withdraw('storage', 'notifications')`.execute(db)
  await sql`
    ALTER TABLE notifications
      DROP COLUMN digest_size, DROP COLUMN digest_of, DROP COLUMN needs_fallback, DROP COLUMN fallback_of,
      DROP COLUMN when_ambiguous, DROP COLUMN rescues, DROP COLUMN leased_until, DROP COLUMN claimed_at, DROP COLUMN claimed_by,
      DROP COLUMN claim_token, DROP COLUMN parts, DROP COLUMN recipient, DROP COLUMN error_class, DROP COLUMN last_error,
      DROP COLUMN max_attempts, DROP COLUMN attempts, DROP COLUMN prio, DROP COLUMN due_at, DROP COLUMN changed_at,
      DROP COLUMN enqueued_at, DROP COLUMN dedup_key, DROP COLUMN not_after, DROP COLUMN scheduled_at`.execute(db)
}

/** Rows that are as the adoption left them get their status back; words that only the fleet knows become ones that every program does. */
async function restoreWaitingNotices(db: Kysely<any>): Promise<void> {
  await sql`
    SELECT fleet.without_triggers('public.notifications', $$
      UPDATE public.notifications AS n
         SET status = a.status
        FROM fleet.adopted_notifications AS a
       WHERE a.id = n.id AND n.status IS DISTINCT FROM a.status
         AND (n.status IN ('pending', 'sending', 'held', 'expired') OR (n.type = 'system' AND n.status = 'sent'))
    $$)`.execute(db)
  await sql`
    UPDATE notifications AS n
       SET status = CASE status WHEN 'sending' THEN 'pending' ELSE 'failed' END
     WHERE status IN ('sending', 'held', 'expired', 'skipped', 'cancelled')
       AND NOT EXISTS (SELECT FROM fleet.adopted_notifications AS a WHERE a.id = n.id AND a.status = n.status)`.execute(
    db,
  )
  await sql`DROP TABLE fleet.adopted_notifications`.execute(db)
  await sql`SELECT fleet.withdraw('notices', 'notifications')`.execute(db)
}
