import { type Kysely, sql } from 'kysely'

/**
 * What the rotation of videos works by and writes down. `fleet.video_bounds` has the beginnings and ends of videos' windows that have not
 * acted yet, kept by a trigger in the transaction that writes them: none can slip past a pass, each acts once, and what somebody sets by
 * hand afterwards stands. `fleet.rotation_faults` says what does not rotate, and why.
 *
 * Locks: SHARE ROW EXCLUSIVE on videos and video_rotation_schedules, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createTables(db)
  await noteBounds(db)
  await restartRotations(db)
}

async function createTables(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.video_bounds (
      video_id integer     NOT NULL,
      bound    varchar(10) NOT NULL,
      at       timestamp   NOT NULL,
      PRIMARY KEY (video_id, bound),
      CONSTRAINT ck_video_bounds_bound CHECK (bound IN ('start', 'end'))
    )`.execute(db)
  await sql`CREATE INDEX ix_video_bounds_at ON fleet.video_bounds (at, video_id)`.execute(db)
  await sql`
    CREATE TABLE fleet.rotation_faults (
      entity_type varchar(30) NOT NULL,
      entity_id   integer     NOT NULL,
      reason      varchar(30) NOT NULL,
      detail      text        NOT NULL,
      since       timestamptz NOT NULL,
      retry_at    timestamptz,
      PRIMARY KEY (entity_type, entity_id),
      CONSTRAINT ck_rotation_faults_entity_type CHECK (entity_type IN ('video_rotation_schedules', 'ar_content')),
      CONSTRAINT ck_rotation_faults_reason CHECK (reason IN (
        'unknown_type', 'bad_day', 'bad_expression', 'empty_sequence', 'no_video', 'bad_video', 'bad_index', 'window_closed',
        'refused'))
    )`.execute(db)
}

async function noteBounds(db: Kysely<any>): Promise<void> {
  // A bound that is past when it is written acts at once, unless the same UPDATE says what is_active is to be.
  await sql`
    CREATE FUNCTION fleet.note_video_bounds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      DELETE FROM fleet.video_bounds
       WHERE video_id = NEW.id
         AND CASE bound WHEN 'start' THEN NEW.schedule_start IS DISTINCT FROM OLD.schedule_start
                        ELSE NEW.schedule_end IS DISTINCT FROM OLD.schedule_end END;
      INSERT INTO fleet.video_bounds AS b (video_id, bound, at)
      SELECT NEW.id, written.bound, written.at
        FROM (VALUES ('start', NEW.schedule_start, OLD.schedule_start),
                     ('end', NEW.schedule_end, OLD.schedule_end)) AS written (bound, at, before)
       WHERE written.at IS DISTINCT FROM written.before
         AND isfinite(written.at)
         AND (TG_OP = 'INSERT' OR written.at > fleet.utc_now() OR NEW.is_active IS NOT DISTINCT FROM OLD.is_active)
          ON CONFLICT (video_id, bound) DO UPDATE SET at = excluded.at;
      RETURN NULL;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER videos_note_bounds AFTER INSERT ON videos
      FOR EACH ROW WHEN (NEW.schedule_start IS NOT NULL OR NEW.schedule_end IS NOT NULL)
      EXECUTE FUNCTION fleet.note_video_bounds()`.execute(db)
  await sql`
    CREATE TRIGGER videos_note_changed_bounds AFTER UPDATE ON videos
      FOR EACH ROW WHEN ((NEW.schedule_start, NEW.schedule_end) IS DISTINCT FROM (OLD.schedule_start, OLD.schedule_end))
      EXECUTE FUNCTION fleet.note_video_bounds()`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.note_video_bounds() FROM PUBLIC`.execute(db)
}

async function restartRotations(db: Kysely<any>): Promise<void> {
  // A schedule that says another time, or is switched on again, goes on at its next moment from then; so does one whose fault is mended.
  await sql`
    CREATE FUNCTION fleet.restart_rotation() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      DELETE FROM fleet.rotation_faults WHERE entity_type = 'video_rotation_schedules' AND entity_id = OLD.id;
      IF TG_OP = 'DELETE' THEN
        RETURN OLD;
      END IF;
      IF NEW.next_rotation_at IS NOT DISTINCT FROM OLD.next_rotation_at THEN
        NEW.next_rotation_at := NULL;
      END IF;
      RETURN NEW;
    END $$`.execute(db)
  await sql`
    CREATE TRIGGER video_rotation_schedules_restart BEFORE UPDATE ON video_rotation_schedules
      FOR EACH ROW WHEN (
        (NEW.rotation_type, NEW.time_of_day, NEW.day_of_week, NEW.day_of_month, NEW.cron_expression, NEW.is_active)
          IS DISTINCT FROM
        (OLD.rotation_type, OLD.time_of_day, OLD.day_of_week, OLD.day_of_month, OLD.cron_expression, OLD.is_active))
      EXECUTE FUNCTION fleet.restart_rotation()`.execute(db)
  await sql`
    CREATE TRIGGER video_rotation_schedules_forget BEFORE DELETE ON video_rotation_schedules
      FOR EACH ROW EXECUTE FUNCTION fleet.restart_rotation()`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.restart_rotation() FROM PUBLIC`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER video_rotation_schedules_forget ON video_rotation_schedules`.execute(db)
  await sql`DROP TRIGGER video_rotation_schedules_restart ON video_rotation_schedules`.execute(db)
  await sql`DROP TRIGGER videos_note_changed_bounds ON videos`.execute(db)
  await sql`DROP TRIGGER videos_note_bounds ON videos`.execute(db)
  await sql`DROP FUNCTION fleet.restart_rotation(), fleet.note_video_bounds()`.execute(db)
  await sql`DROP TABLE fleet.rotation_faults, fleet.video_bounds`.execute(db)
}

export const drops = ['fleet.video_bounds', 'fleet.rotation_faults']
