import { type Kysely, sql } from 'kysely'

/**
 * What keeps rows in step that stand for the same notice, whoever changes one of them: an e-mail notification with its mail, the rows
 * that go out as a digest with the one that carries it. And who has not read what in the application.
 *
 * Locks: SHARE ROW EXCLUSIVE on email_queue and notifications, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await followMail(db)
  await cancelMail(db)
  await followDigest(db)
  await tellReaders(db)
}

async function followMail(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.follow_mail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      -- Pending mail is on its way, as far as its notification is concerned. A mail that is deleted before its end is not sent.
      carried text := CASE WHEN TG_OP = 'DELETE' THEN 'cancelled' WHEN NEW.status = 'pending' THEN 'sending' ELSE NEW.status END;
      reason  text := CASE WHEN TG_OP = 'DELETE' THEN 'Its mail was deleted' ELSE NEW.last_error END;
      class   text := CASE WHEN TG_OP = 'DELETE' THEN 'mail_deleted' ELSE NEW.error_class END;
    BEGIN
      UPDATE public.notifications AS n
         SET status       = carried,
             last_error   = reason,
             error_class  = class,
             leased_until = CASE WHEN carried = 'sending' THEN 'infinity'::timestamptz END
       WHERE n.id = OLD.notification_id AND n.type = 'email'
         AND (n.status, n.last_error) IS DISTINCT FROM (carried, reason);
      RETURN NULL;
    END $$`.execute(db)
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
  await sql`
    CREATE TRIGGER notifications_cancel_mail AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (NEW.type = 'email' AND NEW.status = 'cancelled' AND OLD.status IN ('sending', 'held'))
      EXECUTE FUNCTION fleet.cancel_mail()`.execute(db)
  await sql`
    CREATE TRIGGER notifications_cancel_mail_of_deleted AFTER DELETE ON notifications
      FOR EACH ROW WHEN (OLD.type = 'email' AND OLD.status IN ('sending', 'held'))
      EXECUTE FUNCTION fleet.cancel_mail()`.execute(db)
}

async function followDigest(db: Kysely<any>): Promise<void> {
  // Where the carrier is taken out before the digest has gone, the others go by themselves; else they share its fate.
  await sql`
    CREATE FUNCTION fleet.follow_digest() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF TG_OP = 'DELETE' OR (OLD.status IN ('pending', 'sending') AND NEW.status IN ('cancelled', 'expired')) THEN
        UPDATE public.notifications SET digest_of = NULL, status = 'pending', leased_until = NULL
         WHERE digest_of = OLD.id AND status = OLD.status;
      ELSE
        UPDATE public.notifications
           SET status = NEW.status, last_error = NEW.last_error, error_class = NEW.error_class
         WHERE digest_of = OLD.id AND status = OLD.status
           AND (status, last_error) IS DISTINCT FROM (NEW.status, NEW.last_error);
      END IF;
      RETURN NULL;
    END $$`.execute(db)
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

async function tellReaders(db: Kysely<any>): Promise<void> {
  // A web page listens on fleet_system; the payload is the company, or empty where a notice is for none.
  await sql`
    CREATE FUNCTION fleet.notify_readers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('fleet_system', coalesce(NEW.company_id::text, ''));
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER notifications_notify_readers AFTER UPDATE ON notifications
      FOR EACH ROW WHEN (
        NEW.type = 'system' AND NEW.status = 'sent'
        AND (OLD.status IS DISTINCT FROM 'sent' OR NEW.read_at IS DISTINCT FROM OLD.read_at))
      EXECUTE FUNCTION fleet.notify_readers()`.execute(db)
  await sql`
    CREATE FUNCTION fleet.unread_notifications(company integer) RETURNS bigint LANGUAGE sql STABLE AS $$
      SELECT count(*) FROM public.notifications
       WHERE company_id = $1 AND type = 'system' AND status = 'sent' AND read_at IS NULL
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.unread_notifications(integer)`.execute(db)
  await sql`DROP TRIGGER notifications_notify_readers ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_follow_deleted_digest ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_follow_digest ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_cancel_mail_of_deleted ON notifications`.execute(db)
  await sql`DROP TRIGGER notifications_cancel_mail ON notifications`.execute(db)
  await sql`DROP TRIGGER email_queue_follow_deleted_mail ON email_queue`.execute(db)
  await sql`DROP TRIGGER email_queue_follow_mail ON email_queue`.execute(db)
  await sql`DROP FUNCTION fleet.notify_readers(), fleet.follow_digest(), fleet.cancel_mail(), fleet.follow_mail()`.execute(
    db,
  )
}
