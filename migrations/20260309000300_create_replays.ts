import { type Kysely, sql } from 'kysely'

/**
 * Replays: mail that an operator has put back into the queue, as a batch with a number. What a replay means is written down once, when it
 * is made: `fleet.replay_items` holds each mail with what it was before, so that a replay can be gone on with, looked at and taken back.
 *
 * The items have no foreign key: a hundred thousand checks would cost as much as the rest of a replay.
 *
 * Locks: none on existing tables but `email_queue`, whose triggers are replaced: SHARE ROW EXCLUSIVE, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createTables(db)
  await replaceTriggers(db)
}

async function createTables(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.replays (
      id             bigserial    PRIMARY KEY,
      state          varchar(20)  NOT NULL,
      actor          varchar(255) NOT NULL,
      reason         text,
      filter         jsonb        NOT NULL,
      fingerprint    text         NOT NULL,
      size           integer      NOT NULL DEFAULT 0,
      ambiguous      integer      NOT NULL DEFAULT 0,
      canary         integer      NOT NULL DEFAULT 0,
      delivered      integer,
      undelivered    integer,
      per_second     double precision,
      next_due_at    timestamptz,
      priority       smallint,
      not_after      timestamp,
      keeps_attempts boolean      NOT NULL,
      includes_sent  boolean      NOT NULL,
      created_at     timestamptz  NOT NULL,
      ended_at       timestamptz,
      stopped_by     varchar(255),
      CONSTRAINT ck_replays_state CHECK (state IN ('canary', 'running', 'done', 'canary_failed', 'stopping', 'stopped'))
    ) WITH (fillfactor = 50)`.execute(db)
  await sql`
    CREATE INDEX ix_replays_unfinished ON fleet.replays (id) WHERE state IN ('canary', 'running', 'stopping')`.execute(
    db,
  )
  // Each row changes once or twice: with room beside it no index has to know.
  await sql`
    CREATE TABLE fleet.replay_items (
      replay_id   bigint      NOT NULL,
      ordinal     integer     NOT NULL,
      email_id    integer     NOT NULL,
      status      varchar(50) NOT NULL,
      attempts    integer,
      priority    integer,
      not_after   timestamp,
      sent_at     timestamp,
      recipients  jsonb,
      changed_at  timestamp,
      is_archived boolean     NOT NULL,
      state       varchar(20) NOT NULL DEFAULT 'waiting',
      reason      varchar(20),
      PRIMARY KEY (replay_id, ordinal),
      CONSTRAINT ck_replay_items_state CHECK (state IN ('waiting', 'replayed', 'skipped', 'taken_back'))
    ) WITH (fillfactor = 50)`.execute(db)
  await sql`CREATE INDEX ix_replay_items_email_id ON fleet.replay_items (email_id)`.execute(db)
}

async function replaceTriggers(db: Kysely<any>): Promise<void> {
  // What a replay puts back has its stamps already, and one notice for all of it is enough.
  await sql`DROP TRIGGER email_queue_restamp ON email_queue`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_restamp BEFORE UPDATE ON email_queue
      FOR EACH ROW WHEN (
        (NEW.status IS NULL
         OR (NEW.status = 'pending' AND OLD.status NOT IN ('pending', 'sending'))
         OR (NEW.status = 'pending' AND OLD.status = 'sending' AND NEW.leased_until IS NOT NULL)
         OR NEW.priority IS DISTINCT FROM OLD.priority
         OR NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at)
        AND current_setting('fleet.restoring', true) IS DISTINCT FROM 'on')
      EXECUTE FUNCTION fleet.restamp_email()`.execute(db)
  await sql`DROP TRIGGER email_queue_notify_ready ON email_queue`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_notify_ready AFTER UPDATE ON email_queue
      FOR EACH ROW WHEN (
        NEW.status = 'pending'
        AND (OLD.status IS DISTINCT FROM 'pending' OR NEW.due_at < OLD.due_at)
        AND current_setting('fleet.restoring', true) IS DISTINCT FROM 'on'
        AND NEW.due_at <= fleet.utc_now() AT TIME ZONE 'UTC')
      EXECUTE FUNCTION fleet.notify_email_ready()`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await restoreTriggers(db)
  await sql`DROP TABLE fleet.replay_items, fleet.replays`.execute(db)
}

async function restoreTriggers(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER email_queue_notify_ready ON email_queue`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_notify_ready AFTER UPDATE ON email_queue
      FOR EACH ROW WHEN (
        NEW.status = 'pending'
        AND NEW.due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
        AND (OLD.status IS DISTINCT FROM 'pending' OR NEW.due_at < OLD.due_at))
      EXECUTE FUNCTION fleet.notify_email_ready()`.execute(db)
  await sql`DROP TRIGGER email_queue_restamp ON email_queue`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_restamp BEFORE UPDATE ON email_queue
      FOR EACH ROW WHEN (
        NEW.status IS NULL
        OR (NEW.status = 'pending' AND OLD.status NOT IN ('pending', 'sending'))
        OR (NEW.status = 'pending' AND OLD.status = 'sending' AND NEW.leased_until IS NOT NULL)
        OR NEW.priority IS DISTINCT FROM OLD.priority
        OR NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at)
      EXECUTE FUNCTION fleet.restamp_email()`.execute(db)
}

export const drops = ['fleet.replays', 'fleet.replay_items']
