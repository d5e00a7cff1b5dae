import { type Kysely, sql } from 'kysely'

/**
 * What lets any program drive the mail queue by plain SQL: rows are stamped when they arrive, a row set back to `pending` starts
 * afresh, a new priority or time counts at once, and every change that makes a row ready wakes the workers.
 *
 * Locks: SHARE ROW EXCLUSIVE on email_queue, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await stampArrivals(db)
  await restampChanges(db)
  await wakeWorkers(db)
  await stampWaiting(db)
}

async function stampArrivals(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.stamp_email() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.status       := coalesce(NEW.status, 'pending');
      NEW.attempts     := greatest(0, coalesce(NEW.attempts, 0));
      NEW.max_attempts := coalesce(NEW.max_attempts, 3);
      NEW.enqueued_at  := fleet.utc_now() AT TIME ZONE 'UTC';
      NEW.due_at       := coalesce(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
      NEW.prio         := greatest(1, least(10, coalesce(NEW.priority, 5)));
      RETURN NEW;
    END $$`.execute(db)
  // Rows that come back from the archive have their stamps already.
  await sql`
    CREATE TRIGGER email_queue_stamp BEFORE INSERT ON email_queue
      FOR EACH ROW WHEN (current_setting('fleet.restoring', true) IS DISTINCT FROM 'on')
      EXECUTE FUNCTION fleet.stamp_email()`.execute(db)
}

async function restampChanges(db: Kysely<any>): Promise<void> {
  // Set back to pending from anywhere but a worker's hands, a row starts afresh. Recipients who have the mail already are not
  // written to again, unless the whole mail was sent and somebody wants it sent once more.
  await sql`
    CREATE FUNCTION fleet.restamp_email() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.status := coalesce(NEW.status, 'pending');
      -- Its worker may be handing it over at this moment. Only that worker, or whoever rescues the row, ends the lease.
      IF OLD.status = 'sending' AND NEW.status = 'pending' AND NEW.leased_until IS NOT NULL THEN
        NEW.status := 'sending';
      END IF;
      NEW.prio   := greatest(1, least(10, coalesce(NEW.priority, 5)));
      IF NEW.status = 'pending' AND OLD.status NOT IN ('pending', 'sending') THEN
        NEW.attempts     := 0;
        NEW.rescues      := 0;
        NEW.claimed_by   := NULL;
        NEW.leased_until := NULL;
        NEW.sent_at      := NULL;
        NEW.recipients   := CASE WHEN OLD.status <> 'sent' THEN (
          SELECT jsonb_object_agg(r.key, r.value) FROM jsonb_each(NEW.recipients) r WHERE r.value ->> 'state' = 'accepted') END;
        IF NEW.due_at IS NOT DISTINCT FROM OLD.due_at THEN
          NEW.due_at := greatest(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
        END IF;
      ELSIF NEW.status = 'pending' AND NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at THEN
        NEW.due_at := coalesce(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
      END IF;
      RETURN NEW;
    END $$`.execute(db)
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

async function wakeWorkers(db: Kysely<any>): Promise<void> {
  // NOTIFY serialises commits, so the payload is constant (one notice a transaction), and
  // ALTER DATABASE … SET fleet.notify = off turns it off: the workers' poll then finds the rows.
  await sql`
    CREATE FUNCTION fleet.notify_email_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('fleet.notify', true) IS DISTINCT FROM 'off' AND EXISTS (
        SELECT FROM inserted WHERE status = 'pending' AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC')
      THEN
        PERFORM pg_notify('fleet_email', '');
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_notify_inserted AFTER INSERT ON email_queue
      REFERENCING NEW TABLE AS inserted
      FOR EACH STATEMENT EXECUTE FUNCTION fleet.notify_email_inserted()`.execute(db)
  await sql`
    CREATE FUNCTION fleet.notify_email_ready() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('fleet.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('fleet_email', '');
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_notify_ready AFTER UPDATE ON email_queue
      FOR EACH ROW WHEN (
        NEW.status = 'pending'
        AND NEW.due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
        AND (OLD.status IS DISTINCT FROM 'pending' OR NEW.due_at < OLD.due_at))
      EXECUTE FUNCTION fleet.notify_email_ready()`.execute(db)
}

async function stampWaiting(db: Kysely<any>): Promise<void> {
  // What has come since the columns were added, while the indexes were built, has no stamps: nobody would ever claim it.
  await sql`
    UPDATE email_queue
       SET due_at = coalesce(scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC',
           prio   = greatest(1, least(10, coalesce(priority, 5)))
     WHERE status = 'pending' AND due_at IS NULL`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER email_queue_notify_ready ON email_queue`.execute(db)
  await sql`DROP TRIGGER email_queue_notify_inserted ON email_queue`.execute(db)
  await sql`DROP TRIGGER email_queue_restamp ON email_queue`.execute(db)
  await sql`DROP TRIGGER email_queue_stamp ON email_queue`.execute(db)
  await sql`DROP FUNCTION fleet.notify_email_ready(), fleet.notify_email_inserted(), fleet.restamp_email(), fleet.stamp_email()`.execute(
    db,
  )
}
