import { type Kysely, sql } from 'kysely'

/**
 * `erased_at` says of a message that what it said was erased, and when: its row stays, with everything that figures and the audit log count,
 * and it is never sent again, whoever sets it back to `pending`. The archive has the column already.
 *
 * Locks: ACCESS EXCLUSIVE on email_queue and notifications, briefly: a column without a default costs nothing.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`ALTER TABLE email_queue ADD COLUMN erased_at timestamptz`.execute(db)
  await sql`ALTER TABLE notifications ADD COLUMN erased_at timestamptz`.execute(db)
  await keepErased(db)
  await keepTimes(db)
}

async function keepErased(db: Kysely<any>): Promise<void> {
  // Triggers fire in the order of their names: before those that make a row start afresh.
  await sql`
    CREATE FUNCTION fleet.keep_erased() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.status := OLD.status;
      RETURN NEW;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER email_queue_keep_erased BEFORE UPDATE ON email_queue
      FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL AND coalesce(NEW.status, 'pending') IN ('pending', 'sending', 'held'))
      EXECUTE FUNCTION fleet.keep_erased()`.execute(db)
  await sql`
    CREATE TRIGGER notifications_keep_erased BEFORE UPDATE ON notifications
      FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL AND coalesce(NEW.status, 'pending') IN ('pending', 'sending', 'held'))
      EXECUTE FUNCTION fleet.keep_erased()`.execute(db)
}

async function keepTimes(db: Kysely<any>): Promise<void> {
  // Lists and the archive go by when a mail ended, which is its updated_at. By its name it follows update_email_queue_updated_at.
  await sql`
    CREATE FUNCTION fleet.keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.updated_at := OLD.updated_at;
      RETURN NEW;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER when_erased_keep_updated_at BEFORE UPDATE ON email_queue
      FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL AND NEW.status IS NOT DISTINCT FROM OLD.status)
      EXECUTE FUNCTION fleet.keep_updated_at()`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER when_erased_keep_updated_at ON email_queue`.execute(db)
  await sql`DROP TRIGGER notifications_keep_erased ON notifications`.execute(db)
  await sql`DROP TRIGGER email_queue_keep_erased ON email_queue`.execute(db)
  await sql`DROP FUNCTION fleet.keep_updated_at(), fleet.keep_erased()`.execute(db)
  await sql`ALTER TABLE notifications DROP COLUMN erased_at`.execute(db)
  await sql`ALTER TABLE email_queue DROP COLUMN erased_at`.execute(db)
}
