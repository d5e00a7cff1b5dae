import { type Kysely, sql } from 'kysely'

/**
 * What keeps rows in step that stand for the same notice, whoever changes one of them: an e-mail notification with its mail, the rows
 * that go out as a digest with the one that carries it. And who has not read what in the application.
 *
 * Whoever records what came of a mail or a digest has locked that first, and whoever cancels a notification has locked the other end. So the
 * functions that a worker's outcome runs into give up before anybody looks for a deadlock (lock_timeout against deadlock_timeout, 1 s by
 * default): the worker tries again, and finds what the other has made of it. Nor does one row that somebody keeps locked hold up the
 * outcomes of others.
 *
 * Locks: SHARE ROW EXCLUSIVE on email_queue and notifications, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await followMail(db)
  await cancelMail(db)
  await leaveMail(db)
  await followDigest(db)
  await leaveDigest(db)
  await tellReaders(db)
}

const patience = sql`SET lock_timeout = '400ms'`

async function followMail(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.follow_mail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${patience} AS $$
    DECLARE
      -- Pending mail is on its way, as far as its notification is concerned. A mail that is deleted before its end is not sent.
      carried text := CASE WHEN TG_OP = 'DELETE' THEN 'cancelled' WHEN NEW.status = 'pending' THEN 'sending' ELSE NEW.status END;
      reason  text := CASE WHEN TG_OP = 'DELETE' THEN 'Its mail was deleted' ELSE NEW.last_error END;
      class   text := CASE WHEN TG_OP = 'DELETE' THEN 'mail_deleted' ELSE NEW.error_class END;
    BEGIN
      -- It was too late for some notice of a digest: the others are told without that one.
      IF carried = 'expired' AND EXISTS (
           SELECT FROM public.notifications
            WHERE id = OLD.notification_id AND digest_size IS NOT NULL AND (not_after <= fleet.utc_now()) IS NOT TRUE) THEN
        carried := 'pending';
        reason  := NULL;
        class   := NULL;
      END IF;
      UPDATE public.notifications AS n
         SET status       = carried,
             last_error   = reason,
             error_class  = class,
             leased_until = CASE WHEN carried = 'sending' THEN 'infinity'::timestamptz END
       WHERE n.id = OLD.notification_id AND n.type = 'email'
         AND (n.status, n.last_error) IS DISTINCT FROM (carried, reason);
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.follow_mail() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_follow_mail AFTER UPDATE ON email_queue
      FOR EACH ROW WHEN (
        NEW.notification_id IS NOT NULL
        AND (CASE NEW.status WHEN 'pending' THEN 'sending' ELSE NEW.status END
               IS DISTINCT FROM CASE OLD.status WHEN 'pending' THEN 'sending' ELSE OLD.status END
             OR NEW.last_error IS DISTINCT FROM OLD.last_error))
      EXECUTE FUNCTION fleet.follow_mail()`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_follow_deleted_mail AFTER DELETE ON email_queue
      FOR EACH ROW WHEN (OLD.notification_id IS NOT NULL AND OLD.status IN ('pending', 'sending', 'held'))
      EXECUTE FUNCTION fleet.follow_mail()`.execute(db)
}

async function cancelMail(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.cancel_mail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE public.email_queue SET status = 'cancelled'
       WHERE notification_id = OLD.id AND status IN ('pending', 'sending', 'held');
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.cancel_mail() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER notifications_cancel_mail AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (NEW.type = 'email' AND NEW.status = 'cancelled' AND OLD.status IN ('sending', 'held'))
      EXECUTE FUNCTION fleet.cancel_mail()`.execute(db)
  await sql`
    CREATE TRIGGER notifications_cancel_mail_of_deleted AFTER DELETE ON notifications
      FOR EACH ROW WHEN (OLD.type = 'email' AND OLD.status IN ('sending', 'held'))
      EXECUTE FUNCTION fleet.cancel_mail()`.execute(db)
}

async function leaveMail(db: Kysely<any>): Promise<void> {
  // The mail of a digest was made when all of its rows still held. What it has of one that was cancelled since is taken out: its item, or
  // one of those that it only counts.
  await sql`
    CREATE FUNCTION fleet.leave_mail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE public.email_queue AS q
         SET variables = CASE
               WHEN q.variables -> 'items' @> jsonb_build_array(jsonb_build_object('id', OLD.id))
               THEN jsonb_set(q.variables, '{items}', (
                      SELECT coalesce(jsonb_agg(i.item ORDER BY i.place), '[]')
                        FROM jsonb_array_elements(q.variables -> 'items') WITH ORDINALITY AS i (item, place)
                       WHERE i.item -> 'id' IS DISTINCT FROM to_jsonb(OLD.id)))
               WHEN jsonb_typeof(q.variables -> 'more') = 'number'
               THEN jsonb_set(q.variables, '{more}', to_jsonb(greatest(0, (q.variables ->> 'more')::numeric - 1)))
               ELSE q.variables END
       WHERE q.notification_id = OLD.digest_of AND q.status NOT IN ('sent', 'cancelled')
         AND jsonb_typeof(q.variables -> 'items') = 'array';
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.leave_mail() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER notifications_leave_mail AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (
        NEW.type = 'email' AND NEW.status = 'cancelled' AND OLD.status IN ('sending', 'held', 'failed') AND OLD.digest_of IS NOT NULL)
      EXECUTE FUNCTION fleet.leave_mail()`.execute(db)
}

async function followDigest(db: Kysely<any>): Promise<void> {
  // Where the carrier is taken out before the digest has gone, the others go by themselves; else they share its fate. While it is being
  // sent their lease has no end, so that nobody takes one of them out of it: they have none of their own to renew.
  await sql`
    CREATE FUNCTION fleet.follow_digest() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${patience} AS $$
    BEGIN
      IF TG_OP = 'DELETE' OR (OLD.status IN ('pending', 'sending') AND NEW.status IN ('cancelled', 'expired')) THEN
        UPDATE public.notifications
           SET digest_of = NULL, status = CASE WHEN OLD.status = 'held' THEN 'held' ELSE 'pending' END, leased_until = NULL
         WHERE digest_of = OLD.id AND status = OLD.status;
      ELSE
        UPDATE public.notifications
           SET status = NEW.status, last_error = NEW.last_error, error_class = NEW.error_class,
               leased_until = CASE WHEN NEW.status = 'sending' THEN 'infinity'::timestamptz END
         WHERE digest_of = OLD.id AND status = OLD.status
           AND (status, last_error) IS DISTINCT FROM (NEW.status, NEW.last_error);
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.follow_digest() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER notifications_follow_digest AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (
        NEW.digest_size IS NOT NULL AND OLD.digest_size IS NOT NULL
        AND (NEW.status IS DISTINCT FROM OLD.status OR NEW.last_error IS DISTINCT FROM OLD.last_error))
      EXECUTE FUNCTION fleet.follow_digest()`.execute(db)
  await sql`
    CREATE TRIGGER notifications_follow_deleted_digest AFTER DELETE ON notifications
      FOR EACH ROW WHEN (OLD.digest_size IS NOT NULL AND OLD.status IN ('pending', 'sending', 'held'))
      EXECUTE FUNCTION fleet.follow_digest()`.execute(db)
}

async function leaveDigest(db: Kysely<any>): Promise<void> {
  // One row of a digest that is sent again goes by itself. A digest that is sent again as a whole stays one: whether the carrier is among
  // the rows that a statement changes is known when it has changed them all.
  await sql`
    CREATE FUNCTION fleet.leave_digest() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE public.notifications AS n SET digest_of = NULL
       WHERE n.id = NEW.id AND n.digest_of = NEW.digest_of
         AND (OLD.status = 'cancelled'
              OR NOT EXISTS (SELECT FROM public.notifications AS carrier WHERE carrier.id = NEW.digest_of AND carrier.status = 'pending'));
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.leave_digest() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER notifications_leave_digest AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (NEW.digest_of IS NOT NULL AND NEW.status = 'pending' AND OLD.status NOT IN ('pending', 'sending'))
      EXECUTE FUNCTION fleet.leave_digest()`.execute(db)
}

async function tellReaders(db: Kysely<any>): Promise<void> {
  // A web page listens on fleet_system; the payload is the company, or empty where a notice is for none.
  await sql`
    CREATE FUNCTION fleet.notify_readers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('fleet.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('fleet_system', coalesce(NEW.company_id::text, ''));
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER notifications_notify_readers AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (
        NEW.type = 'system' AND NEW.status = 'sent'
        AND (OLD.status IS DISTINCT FROM 'sent' OR NEW.read_at IS DISTINCT FROM OLD.read_at))
      EXECUTE FUNCTION fleet.notify_readers()`.execute(db)
  await sql`
    CREATE TRIGGER notifications_notify_readers_of_new AFTER INSERT ON notifications
      FOR EACH ROW WHEN (NEW.type = 'system' AND NEW.status = 'sent')
      EXECUTE FUNCTION fleet.notify_readers()`.execute(db)
  await sql`
    CREATE FUNCTION fleet.unread_notifications(company integer) RETURNS bigint LANGUAGE sql STABLE AS $$
      SELECT count(*) FROM public.notifications
       WHERE company_id = $1 AND type = 'system' AND status = 'sent' AND read_at IS NULL
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.unread_notifications(integer)`.execute(db)
  await sql`DROP TRIGGER notifications_notify_readers_of_new ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_notify_readers ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_leave_digest ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_follow_deleted_digest ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_follow_digest ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_leave_mail ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_cancel_mail_of_deleted ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_cancel_mail ON notifications`.execute(db)
  await sql`DROP TRIGGER email_queue_follow_deleted_mail ON email_queue`.execute(db)
  await sql`DROP TRIGGER email_queue_follow_mail ON email_queue`.execute(db)
  await sql`
    DROP FUNCTION fleet.notify_readers(), fleet.leave_digest(), fleet.follow_digest(), fleet.leave_mail(), fleet.cancel_mail(),
                  fleet.follow_mail()`.execute(db)
}
