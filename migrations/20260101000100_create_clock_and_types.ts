import { type Kysely, sql } from 'kysely'

/**
 * What every later migration stands on: the fleet's clock, UUIDs, the platform's two enums, and the two functions behind the
 * `updated_at` triggers.
 *
 * Schema `fleet` itself is not made here: it holds the migrator's bookkeeping, so the migrator makes it before the first
 * migration and drops it after the last has been reverted.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createClock(db)
  await createUuids(db)
  await sql`CREATE TYPE user_role AS ENUM ('admin', 'manager', 'viewer')`.execute(db)
  await sql`CREATE TYPE notification_type AS ENUM ('email', 'telegram', 'system', 'sms')`.execute(db)
  await createUpdatedAtFunctions(db)
}

async function createClock(db: Kysely<any>): Promise<void> {
  // Trigger functions look fleet.utc_now() up as whoever writes, and that is the platform's own role as well. What the schema
  // holds has grants of its own.
  await sql`GRANT USAGE ON SCHEMA fleet TO PUBLIC`.execute(db)
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

async function createUpdatedAtFunctions(db: Kysely<any>): Promise<void> {
  // now() put into a TIMESTAMP is local time of the session that writes; these columns hold UTC.
  await sql`
    CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.updated_at = fleet.utc_now();
      RETURN NEW;
    END $$`.execute(db)
  // A TIMESTAMPTZ is an instant already: UTC wall time put into one would be shifted by the session's zone.
  await sql`
    CREATE FUNCTION fleet.update_updated_at_timestamptz() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.updated_at = now();
      RETURN NEW;
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.update_updated_at_timestamptz()`.execute(db)
  await sql`DROP FUNCTION update_updated_at_column()`.execute(db)
  await sql`DROP TYPE notification_type`.execute(db)
  await sql`DROP TYPE user_role`.execute(db)
  await dropUuids(db)
  await sql`DROP FUNCTION fleet.utc_now()`.execute(db)
  await sql`REVOKE USAGE ON SCHEMA fleet FROM PUBLIC`.execute(db)
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
