import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * The index of the schedules in force, by when they are due, those without a time last; and the bounds of windows that are still ahead.
 * What was past when the fleet came has acted, or nobody wanted it to.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on video_rotation_schedules, which blocks no reader and no writer, as long as it takes to read it twice;
 * none on videos, which is read once.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = 'public.video_rotation_schedules'::regclass AND NOT i.indisvalid
           AND c.relname = 'ix_video_rotation_schedules_due'
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_video_rotation_schedules_due ON video_rotation_schedules (next_rotation_at, id)
     WHERE is_active IS DISTINCT FROM 0`.execute(db)
  await sql`
    INSERT INTO fleet.video_bounds (video_id, bound, at)
    SELECT v.id, b.bound, b.at
      FROM videos AS v
     CROSS JOIN LATERAL (VALUES ('start', v.schedule_start), ('end', v.schedule_end)) AS b (bound, at)
     WHERE b.at > fleet.utc_now() AND isfinite(b.at)
        ON CONFLICT (video_id, bound) DO NOTHING`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_video_rotation_schedules_due`.execute(db)
}
