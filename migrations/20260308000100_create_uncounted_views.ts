import { type Kysely, sql } from 'kysely'

/**
 * What is still to be added to `ar_content.views_count`: each statement that inserts into `ar_view_sessions` leaves a row for each
 * content in `fleet.uncounted_views`, in its own transaction, and the lifecycle worker takes it away in the transaction in which it adds
 * it. What was there before is what the platform has counted already.
 *
 * The function runs with the rights of its owner: whoever may insert a visit need not be able to read or change what is counted.
 *
 * Locks: SHARE ROW EXCLUSIVE on ar_view_sessions, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.uncounted_views (
      id             bigserial PRIMARY KEY,
      ar_content_id  integer   NOT NULL,
      views          integer   NOT NULL,
      last_viewed_at timestamp NOT NULL
    )`.execute(db)
  // Rows live for a minute: dead ones are most of it.
  await sql`
    ALTER TABLE fleet.uncounted_views SET (
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
  await createNoting(db)
  await sql`
    CREATE TRIGGER ar_view_sessions_note AFTER INSERT ON ar_view_sessions
      REFERENCING NEW TABLE AS inserted
      FOR EACH STATEMENT EXECUTE FUNCTION fleet.note_views()`.execute(db)
}

async function createNoting(db: Kysely<any>): Promise<void> {
  // created_at may be missing, ahead, or local time that DEFAULT now() has filled in, which is told by its equalling localtimestamp: then,
  // and wherever it cannot be, the visit is of this moment.
  await sql`
    CREATE FUNCTION fleet.view_time(created_at timestamp) RETURNS timestamp LANGUAGE sql STABLE AS $$
      SELECT CASE WHEN isfinite($1) AND $1 < fleet.utc_now() AND $1 <> localtimestamp THEN $1 ELSE fleet.utc_now() END
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.note_views() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      INSERT INTO fleet.uncounted_views (ar_content_id, views, last_viewed_at)
      SELECT ar_content_id, count(*), max(fleet.view_time(created_at)) FROM inserted GROUP BY ar_content_id;
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.note_views() FROM PUBLIC`.execute(db)
}

/** What has been noted is counted first: the visits stay, and nobody would count them later. */
export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER ar_view_sessions_note ON ar_view_sessions`.execute(db)
  await sql`DROP FUNCTION fleet.note_views()`.execute(db)
  await sql`DROP FUNCTION fleet.view_time(timestamp)`.execute(db)
  await sql`
    UPDATE ar_content AS c
       SET views_count    = least(coalesce(c.views_count, 0) + u.views, 2147483647),
           last_viewed_at = greatest(c.last_viewed_at, u.last_viewed_at)
      FROM (SELECT ar_content_id, sum(views) AS views, max(last_viewed_at) AS last_viewed_at
              FROM fleet.uncounted_views GROUP BY ar_content_id) AS u
     WHERE u.ar_content_id = c.id`.execute(db)
  await sql`DROP TABLE fleet.uncounted_views`.execute(db)
}
