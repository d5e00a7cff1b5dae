import { type Kysely, sql } from 'kysely'

/**
 * What the archive of mail holds: of each column that it shares with `email_queue` the same is said.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on fleet.email_archive, briefly; readers and writers go on.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    DO $$
    DECLARE
      said record;
    BEGIN
      FOR said IN
        SELECT attname, coalesce(col_description(attrelid, attnum), '') AS text
          FROM pg_attribute
         WHERE attrelid = 'public.email_queue'::regclass AND attnum > 0 AND NOT attisdropped
      LOOP
        EXECUTE format('COMMENT ON COLUMN fleet.email_archive.%I IS %L', said.attname, said.text);
      END LOOP;
    END $$`.execute(db)
  await sql`
    COMMENT ON TABLE fleet.email_archive IS
      'Mail that ended some time ago, moved here from email_queue; partitioned by the month in which it ended.'`.execute(
    db,
  )
  await sql`COMMENT ON COLUMN fleet.email_archive.ended_at IS 'When it got its last status, in UTC.'`.execute(db)
  await sql`COMMENT ON COLUMN fleet.email_archive.archived_at IS 'When it was moved here.'`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`
    DO $$
    DECLARE
      name name;
    BEGIN
      FOR name IN
        SELECT attname FROM pg_attribute
         WHERE attrelid = 'fleet.email_archive'::regclass AND attnum > 0 AND NOT attisdropped
      LOOP
        EXECUTE format('COMMENT ON COLUMN fleet.email_archive.%I IS NULL', name);
      END LOOP;
      COMMENT ON TABLE fleet.email_archive IS NULL;
    END $$`.execute(db)
}
