import { type Kysely, sql } from 'kysely'

/**
 * What lets any program drive the notifications by plain SQL, as it does the mail queue: rows are stamped when they arrive, their
 * recipient is looked up, a row set back to `pending` starts afresh, the columns of each channel follow the status whoever sets it, and
 * every change that makes a row ready wakes the workers.
 *
 * The functions that read or write for whoever fires them run with the rights of their owner, so nobody else may call them, or put them
 * on a table of his own: PostgreSQL asks for EXECUTE when a trigger is made, not when it fires.
 *
 * Locks: SHARE ROW EXCLUSIVE on notifications and companies, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createRecipient(db)
  await stampArrivals(db)
  await stampChanges(db)
  await followContacts(db)
  await wakeWorkers(db)
  await stampWaiting(db)
}

async function createRecipient(db: Kysely<any>): Promise<void> {
  // In plpgsql, which keeps its plans. Cut where nobody has such an address: an index could not hold any length.
  await sql`
    CREATE FUNCTION fleet.notification_recipient(channel text, facts jsonb, company integer) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      key   text := CASE channel WHEN 'email' THEN 'to' WHEN 'telegram' THEN 'chat_id' WHEN 'sms' THEN 'phone' END;
      given text;
    BEGIN
      IF key IS NULL THEN
        RETURN NULL;
      END IF;
      IF jsonb_typeof(facts) = 'object' AND jsonb_typeof(facts -> key) IN ('string', 'number') THEN
        given := nullif(btrim(facts ->> key, E' \\t\\r\\n'), '');
      END IF;
      IF given IS NULL THEN
        SELECT nullif(btrim(CASE channel WHEN 'email' THEN c.contact_email WHEN 'telegram' THEN c.telegram_chat_id
                                         ELSE c.contact_phone END, E' \\t\\r\\n'), '')
          INTO given
          FROM public.companies AS c WHERE c.id = company;
      END IF;
      RETURN left(given, 500);
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.notification_recipient(text, jsonb, integer) FROM PUBLIC`.execute(db)
  await sql`
    CREATE FUNCTION fleet.notification_prio(priority text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT (CASE lower(btrim($1)) WHEN 'urgent' THEN 1 WHEN 'high' THEN 3 WHEN 'low' THEN 7 ELSE 5 END)::smallint
    $$`.execute(db)
}

async function stampArrivals(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.unknown_channel(channel text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT format('There is no channel "%s": email, telegram, sms and system are there', $1)
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.stamp_notification() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      NEW.status       := coalesce(NEW.status, 'pending');
      NEW.attempts     := greatest(0, coalesce(NEW.attempts, 0));
      NEW.max_attempts := coalesce(NEW.max_attempts, 3);
      NEW.enqueued_at  := fleet.utc_now() AT TIME ZONE 'UTC';
      NEW.changed_at   := NEW.enqueued_at;
      NEW.due_at       := coalesce(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
      NEW.prio         := fleet.notification_prio(NEW.priority);
      NEW.recipient    := fleet.notification_recipient(NEW.type, NEW.event_data, NEW.company_id);
      IF NEW.status = 'pending' AND NEW.type NOT IN ('email', 'telegram', 'sms', 'system') THEN
        NEW.status         := 'skipped';
        NEW.error_class    := 'unknown_channel';
        NEW.last_error     := fleet.unknown_channel(NEW.type);
        NEW.processed_at   := fleet.utc_now();
        NEW.needs_fallback := true;
      END IF;
      RETURN NEW;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER notifications_stamp BEFORE INSERT ON notifications
      FOR EACH ROW EXECUTE FUNCTION fleet.stamp_notification()`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.stamp_notification() FROM PUBLIC`.execute(db)
}

async function stampChanges(db: Kysely<any>): Promise<void> {
  await createRestart(db)
  await createSettlement(db)
  await sql`
    CREATE TRIGGER notifications_restamp BEFORE UPDATE ON notifications
      FOR EACH ROW WHEN (
        NEW.status IS NULL
        OR NEW.priority IS DISTINCT FROM OLD.priority
        OR (NEW.status = 'pending' AND (
             OLD.status NOT IN ('pending', 'sending')
             OR (OLD.status = 'sending' AND NEW.leased_until IS NOT NULL)
             OR NEW.type IS DISTINCT FROM OLD.type
             OR NEW.company_id IS DISTINCT FROM OLD.company_id
             OR NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at
             OR NEW.event_data IS DISTINCT FROM OLD.event_data)))
      EXECUTE FUNCTION fleet.restamp_notification()`.execute(db)
  // Triggers fire in the order of their names: it sees what the other has made of the status.
  await sql`
    CREATE TRIGGER notifications_settle BEFORE UPDATE ON notifications
      FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status OR NEW.last_error IS DISTINCT FROM OLD.last_error)
      EXECUTE FUNCTION fleet.settle_notification()`.execute(db)
}

async function createRestart(db: Kysely<any>): Promise<void> {
  // Set back to pending from anywhere but a worker's hands, a row starts afresh. What somebody has of it already is not sent again,
  // unless all of it was sent and somebody wants it once more. Rows that leave their digest: see the migration after this one.
  await sql`
    CREATE FUNCTION fleet.restamp_notification() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      is_replay boolean;
    BEGIN
      NEW.status := coalesce(NEW.status, 'pending');
      -- Its worker may be handing it over at this moment, or its mail is under way.
      IF OLD.status = 'sending' AND NEW.status = 'pending' AND NEW.leased_until IS NOT NULL THEN
        NEW.status := 'sending';
      END IF;
      IF NEW.status = 'pending' AND NEW.type NOT IN ('email', 'telegram', 'sms', 'system') THEN
        NEW.status      := 'skipped';
        NEW.error_class := 'unknown_channel';
        NEW.last_error  := fleet.unknown_channel(NEW.type);
      END IF;
      is_replay := NEW.status = 'pending' AND OLD.status NOT IN ('pending', 'sending');
      NEW.prio  := fleet.notification_prio(NEW.priority);
      IF is_replay THEN
        NEW.attempts     := 0;
        NEW.rescues      := 0;
        NEW.claimed_by   := NULL;
        NEW.claimed_at   := NULL;
        NEW.leased_until := NULL;
        NEW.parts        := CASE WHEN OLD.status <> 'sent' THEN NEW.parts END;
        -- What it had carried has gone its own way.
        NEW.digest_size  := CASE WHEN OLD.status NOT IN ('cancelled', 'expired') THEN NEW.digest_size END;
        IF NEW.due_at IS NOT DISTINCT FROM OLD.due_at THEN
          NEW.due_at := greatest(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
        END IF;
      ELSIF NEW.status = 'pending' AND NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at THEN
        NEW.due_at := coalesce(NEW.scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC';
      END IF;
      IF is_replay OR (NEW.status = 'pending' AND (NEW.type, NEW.company_id, NEW.event_data)
                                                  IS DISTINCT FROM (OLD.type, OLD.company_id, OLD.event_data)) THEN
        NEW.recipient := fleet.notification_recipient(NEW.type, NEW.event_data, NEW.company_id);
      END IF;
      RETURN NEW;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.restamp_notification() FROM PUBLIC`.execute(db)
}

async function createSettlement(db: Kysely<any>): Promise<void> {
  // Whether another channel is to be tried is for a worker to find out.
  await sql`
    CREATE FUNCTION fleet.settle_notification() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      sent boolean := NEW.status = 'sent';
    BEGIN
      IF NEW.status IS DISTINCT FROM OLD.status THEN
        NEW.changed_at   := fleet.utc_now() AT TIME ZONE 'UTC';
        NEW.processed_at := CASE WHEN NEW.status IN ('sent', 'failed', 'skipped', 'cancelled', 'expired') THEN fleet.utc_now() END;
        IF NEW.status IN ('failed', 'skipped') AND OLD.status IN ('pending', 'sending', 'held') AND NEW.digest_of IS NULL THEN
          NEW.needs_fallback := true;
        ELSIF NEW.status IN ('pending', 'sending', 'sent') THEN
          NEW.needs_fallback := false;
        END IF;
      END IF;
      IF NEW.type = 'email' THEN
        NEW.email_sent    := sent;
        NEW.email_sent_at := CASE WHEN sent THEN coalesce(NEW.processed_at, fleet.utc_now()) END;
        NEW.email_error   := CASE WHEN NOT sent THEN NEW.last_error END;
      ELSIF NEW.type = 'telegram' THEN
        NEW.telegram_sent    := sent;
        NEW.telegram_sent_at := CASE WHEN sent THEN coalesce(NEW.processed_at, fleet.utc_now()) END;
        NEW.telegram_error   := CASE WHEN NOT sent THEN NEW.last_error END;
      END IF;
      RETURN NEW;
    END $$`.execute(db)
}

async function followContacts(db: Kysely<any>): Promise<void> {
  // What waits goes where the company is now; a chat that is given anew is worth another try.
  await sql`
    CREATE FUNCTION fleet.follow_contacts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE public.notifications AS n
         SET recipient = fleet.notification_recipient(n.type, n.event_data, n.company_id)
       WHERE n.company_id = NEW.id AND n.status = 'pending'
         AND n.recipient IS DISTINCT FROM fleet.notification_recipient(n.type, n.event_data, n.company_id);
      IF NEW.telegram_chat_id IS DISTINCT FROM OLD.telegram_chat_id THEN
        UPDATE fleet.telegram_chats
           SET unreachable_since = NULL, unreachable_class = NULL, unreachable_reason = NULL
         WHERE chat_id = btrim(NEW.telegram_chat_id) AND unreachable_since IS NOT NULL;
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER companies_follow_contacts AFTER UPDATE ON companies
      FOR EACH ROW WHEN (
        (NEW.contact_email, NEW.contact_phone, NEW.telegram_chat_id)
          IS DISTINCT FROM (OLD.contact_email, OLD.contact_phone, OLD.telegram_chat_id))
      EXECUTE FUNCTION fleet.follow_contacts()`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.follow_contacts() FROM PUBLIC`.execute(db)
}

async function wakeWorkers(db: Kysely<any>): Promise<void> {
  // The payload is the channel, or `fallback`; the switch is the one of the mail queue.
  await sql`
    CREATE FUNCTION fleet.notify_notifications_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('fleet.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('fleet_notifications', ready.payload)
           FROM (SELECT DISTINCT CASE WHEN needs_fallback THEN 'fallback' ELSE type END AS payload
                   FROM inserted
                  WHERE needs_fallback
                     OR (status = 'pending' AND digest_of IS NULL AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC')) AS ready;
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER notifications_notify_inserted AFTER INSERT ON notifications
      REFERENCING NEW TABLE AS inserted
      FOR EACH STATEMENT EXECUTE FUNCTION fleet.notify_notifications_inserted()`.execute(db)
  await sql`
    CREATE FUNCTION fleet.notify_notification_ready() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('fleet.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('fleet_notifications', CASE WHEN NEW.status = 'pending' THEN NEW.type ELSE 'fallback' END);
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER notifications_notify_ready AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (
        (NEW.status = 'pending' AND NEW.digest_of IS NULL
          AND NEW.due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
          AND (OLD.status IS DISTINCT FROM 'pending' OR OLD.digest_of IS NOT NULL OR NEW.due_at < OLD.due_at))
        OR (NEW.needs_fallback AND NOT OLD.needs_fallback))
      EXECUTE FUNCTION fleet.notify_notification_ready()`.execute(db)
}

async function stampWaiting(db: Kysely<any>): Promise<void> {
  // What has come since the columns were added, while the indexes were built, has no stamps: nobody would ever claim it.
  await sql`
    UPDATE notifications
       SET due_at    = coalesce(scheduled_at, fleet.utc_now()) AT TIME ZONE 'UTC',
           prio      = fleet.notification_prio(priority),
           recipient = fleet.notification_recipient(type, event_data, company_id)
     WHERE status = 'pending' AND due_at IS NULL`.execute(db)
  await sql`
    UPDATE notifications
       SET status = 'skipped', error_class = 'unknown_channel', last_error = fleet.unknown_channel(type)
     WHERE status = 'pending' AND type NOT IN ('email', 'telegram', 'sms', 'system')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER notifications_notify_ready ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_notify_inserted ON notifications`.execute(db)
  await sql`DROP TRIGGER companies_follow_contacts ON companies`.execute(db)
  await sql`DROP TRIGGER notifications_settle ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_restamp ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_stamp ON notifications`.execute(db)
  await sql`
    DROP FUNCTION fleet.notify_notification_ready(), fleet.notify_notifications_inserted(), fleet.follow_contacts(),
                  fleet.settle_notification(), fleet.restamp_notification(), fleet.stamp_notification(),
                  fleet.unknown_channel(text), fleet.notification_prio(text),
                  fleet.notification_recipient(text, jsonb, integer)`.execute(db)
}
