import { type Kysely, sql } from 'kysely'

/**
 * What keeps workers from sending: a pause, and a database that is not the one they belong to.
 *
 * `fleet.installation` is the stamp: which database this is, by what PostgreSQL itself knows of it, and by the name that people give it. A
 * dump that is restored, a copy and a recovery to an earlier time all carry the stamp along, and none fits it; of a disk that is copied whole
 * only the name tells. `fleet.may_send()` is asked by the very statements that claim and hand over, so that no moment lies between the
 * question and the deed.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.installation (
      id                boolean      PRIMARY KEY DEFAULT true,
      environment       varchar(50),
      system_identifier bigint       NOT NULL,
      timeline          integer      NOT NULL,
      database_oid      bigint       NOT NULL,
      stamped_at        timestamptz  NOT NULL DEFAULT now(),
      stamped_by        varchar(255) NOT NULL,
      CONSTRAINT ck_installation_single CHECK (id)
    )`.execute(db)
  // The name of a segment of the log begins with the timeline. What pg_control_checkpoint() tells of it may be as old as the last checkpoint:
  // only a standby, which has no log of its own, is asked for that.
  await sql`
    CREATE FUNCTION fleet.actual_installation() RETURNS TABLE (system_identifier bigint, timeline integer, database_oid bigint)
    LANGUAGE sql STABLE AS $$
      SELECT s.system_identifier,
             CASE WHEN pg_is_in_recovery() THEN (SELECT c.timeline_id FROM pg_control_checkpoint() AS c)
                  ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
             d.oid::bigint
        FROM pg_control_system() AS s, pg_database AS d
       WHERE d.datname = current_database()
    $$`.execute(db)
  // PL/pgSQL keeps its plan for the session: in SQL it would be made anew with each claim.
  await sql`
    CREATE FUNCTION fleet.may_send(queue text, environment text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
      RETURN NOT EXISTS (
               SELECT FROM fleet.pauses AS p
                WHERE (p.queue = $1 OR (p.queue = 'notifications' AND $1 <> 'email'))
                  AND (p.until IS NULL OR p.until > fleet.utc_now() AT TIME ZONE 'UTC'))
         AND NOT EXISTS (
               SELECT FROM fleet.installation AS i, fleet.actual_installation() AS a
                WHERE i.environment IS DISTINCT FROM $2
                   OR (i.system_identifier, i.timeline, i.database_oid) <> (a.system_identifier, a.timeline, a.database_oid));
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.may_send(text, text), fleet.actual_installation()`.execute(db)
  await sql`DROP TABLE fleet.installation`.execute(db)
}

export const drops = ['fleet.installation']
