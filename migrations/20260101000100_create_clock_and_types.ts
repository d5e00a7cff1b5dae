import { type Kysely, sql } from 'kysely'

/**
 * What every later migration stands on: the fleet's clock, UUIDs, the platform's two enums, and the function behind the
 * `updated_at` triggers.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createClock(db)
  await createUuids(db)
  await createEnums(db)
  await createUpdatedAtFunction(db)
}

async function createClock(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.utc_now() RETURNS timestamp
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT now() AT TIME ZONE 'UTC' $$`.execute(db)
}

async function createUuids(db: Kysely<any>): Promise<void> {
  // The comment remembers whose extension it is, so that `down` leaves one that was there before.
  await sql`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'uuid-ossp') THEN
        CREATE EXTENSION "uuid-ossp" WITH SCHEMA public;
        COMMENT ON EXTENSION "uuid-ossp" IS 'created by the fleet''s migrations';
      END IF;
    END $$`.execute(db)
}

async function createEnums(db: Kysely<any>): Promise<void> {
  await sql`CREATE TYPE fleet.user_role AS ENUM ('admin', 'manager', 'viewer')`.execute(db)
  await sql`SELECT fleet.settle_type('user_role')`.execute(db)
  await sql`CREATE TYPE fleet.notification_type AS ENUM ('email', 'telegram', 'system', 'sms')`.execute(db)
  await sql`SELECT fleet.settle_type('notification_type')`.execute(db)
}

async function createUpdatedAtFunction(db: Kysely<any>): Promise<void> {
  // A TIMESTAMP holds UTC: now() put into one would be local time of the session that writes. A TIMESTAMPTZ is an instant: UTC wall time
  // put into one would be shifted by the session's zone. The platform may run this function on tables of its own of either kind.
  await sql`
    CREATE FUNCTION fleet.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF pg_typeof(NEW.updated_at) = 'timestamptz'::regtype THEN
        NEW.updated_at = fleet.utc_now() AT TIME ZONE 'UTC';
      ELSE
        NEW.updated_at = fleet.utc_now();
      END IF;
      RETURN NEW;
    END $$`.execute(db)
  await sql`SELECT fleet.settle_function('update_updated_at_column')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('function', 'update_updated_at_column')`.execute(db)
  await sql`SELECT fleet.withdraw('type', 'notification_type')`.execute(db)
  await sql`SELECT fleet.withdraw('type', 'user_role')`.execute(db)
  await dropUuids(db)
  await sql`DROP FUNCTION fleet.utc_now()`.execute(db)
}

async function dropUuids(db: Kysely<any>): Promise<void> {
  await sql`
    DO $$ BEGIN
      IF EXISTS (
        SELECT FROM pg_extension
         WHERE extname = 'uuid-ossp' AND obj_description(oid, 'pg_extension') = 'created by the fleet''s migrations')
      THEN
        DROP EXTENSION "uuid-ossp";
      END IF;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE NOTICE 'uuid-ossp stays: other objects use it by now';
    END $$`.execute(db)
}
