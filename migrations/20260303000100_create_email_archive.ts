import { type Kysely, sql } from 'kysely'

/**
 * `fleet.email_archive`, where mail goes some time after it has ended: `email_queue` stays as small as what is going on, whatever its
 * history. Partitioned by the month in which a mail ended, so that a month is dropped at once when its retention is over.
 *
 * Its columns are those of `email_queue`, however many that has, and its own: `erased_at` the queue is given later. No id is in both tables.
 *
 * Locks: none on existing tables. Down holds the archive while its rows move back into email_queue.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.email_archive (
      LIKE email_queue,
      ended_at    timestamp   NOT NULL,
      archived_at timestamptz NOT NULL DEFAULT now(),
      erased_at   timestamptz,
      PRIMARY KEY (id, ended_at)
    ) PARTITION BY RANGE (ended_at)`.execute(db)
  await sql`CREATE TABLE fleet.email_archive_default PARTITION OF fleet.email_archive DEFAULT`.execute(db)
  await sql`SELECT fleet.close_partition('fleet.email_archive_default')`.execute(db)
  await sql`INSERT INTO fleet.partitioned_tables (parent) VALUES ('fleet.email_archive')`.execute(db)
  await createIndexes(db)
  await indexRecipients(db)
}

async function createIndexes(db: Kysely<any>): Promise<void> {
  // Lists look each status up by itself, the latest first; what else narrows them down comes before the time.
  await sql`CREATE INDEX ix_email_archive_ended ON fleet.email_archive (status, ended_at, id)`.execute(db)
  await sql`
    CREATE INDEX ix_email_archive_template ON fleet.email_archive (status, template_id, ended_at, id)
     WHERE template_id IS NOT NULL`.execute(db)
  await sql`
    CREATE INDEX ix_email_archive_error_class ON fleet.email_archive (status, error_class, ended_at, id)
     WHERE error_class IS NOT NULL`.execute(db)
  // Retention of what mail said finds what is not erased yet, and not what is.
  await sql`
    CREATE INDEX ix_email_archive_unerased ON fleet.email_archive (ended_at)
     WHERE erased_at IS NULL`.execute(db)
  // A key that is archived is free again, and may be archived a second time.
  await sql`
    CREATE INDEX ix_email_archive_dedup_key ON fleet.email_archive (dedup_key)
     WHERE dedup_key IS NOT NULL`.execute(db)
}

async function indexRecipients(db: Kysely<any>): Promise<void> {
  // Every word with an @, and the domain at its end: all the addresses, and perhaps what a display name holds. An address alone gives
  // the same words as it does among others, so that the rows that have all its words are all that may have it.
  await sql`
    CREATE FUNCTION fleet.address_words(recipient_to text, recipient_cc text, recipient_bcc text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
      SELECT array_agg(found.word)
        FROM regexp_split_to_table(
               lower(coalesce(recipient_to, '') || ',' || coalesce(recipient_cc, '') || ',' || coalesce(recipient_bcc, '')),
               '[,;:<>[:space:]]+') AS part(word),
             LATERAL (VALUES (part.word), (substring(part.word FROM '@[^@]*$'))) AS found(word)
       WHERE part.word LIKE '%@%'
    $$`.execute(db)
  await sql`
    CREATE INDEX ix_email_archive_recipients ON fleet.email_archive
     USING gin (fleet.address_words(recipient_to, recipient_cc, recipient_bcc))`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  // What somebody archives meanwhile would be dropped with the table.
  await sql`LOCK TABLE fleet.email_archive IN ACCESS EXCLUSIVE MODE`.execute(db)
  await moveRowsBack(db)
  await sql`DELETE FROM fleet.partitioned_tables WHERE parent = 'fleet.email_archive'::regclass`.execute(db)
  await sql`DROP TABLE fleet.email_archive`.execute(db)
  await sql`DROP FUNCTION fleet.address_words(text, text, text)`.execute(db)
}

async function moveRowsBack(db: Kysely<any>): Promise<void> {
  // Of several mails that had the same key one after the other, the last keeps it.
  await sql`
    UPDATE fleet.email_archive AS a
       SET dedup_key = NULL
     WHERE dedup_key IS NOT NULL
       AND (EXISTS (SELECT FROM email_queue AS q WHERE q.dedup_key = a.dedup_key)
            OR EXISTS (SELECT FROM fleet.email_archive AS later WHERE later.dedup_key = a.dedup_key AND later.id > a.id))`.execute(
    db,
  )
  await sql`SET LOCAL fleet.restoring = 'on'`.execute(db)
  await sql`
    DO $$
    DECLARE
      columns text := (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
          FROM pg_attribute AS a
          JOIN pg_attribute AS q ON q.attrelid = 'email_queue'::regclass AND q.attname = a.attname
         WHERE a.attrelid = 'fleet.email_archive'::regclass AND a.attnum > 0 AND q.attgenerated = '');
    BEGIN
      EXECUTE format('INSERT INTO email_queue (%1$s) SELECT %1$s FROM fleet.email_archive', columns);
    END $$`.execute(db)
  await sql`SET LOCAL fleet.restoring = 'off'`.execute(db)
}
