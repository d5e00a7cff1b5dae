import { type Kysely, sql } from 'kysely'

/**
 * What takes the past away from the tables in `fleet.partitioned_tables`: whole months at once, rows of the default partition in
 * batches. And ANALYZE, which autovacuum never does to a partitioned table as a whole.
 *
 * They run with their owner's rights, like those that make partitions.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await dropMonths(db)
  await deleteRows(db)
  await analyzeTables(db)
  await sql`
    REVOKE EXECUTE ON FUNCTION
      fleet.drop_partitions(regclass, date), fleet.delete_from_default(regclass, date, integer),
      fleet.analyze_partitions(regclass) FROM PUBLIC`.execute(db)
}

async function dropMonths(db: Kysely<any>): Promise<void> {
  // One month a call, so that the lock on the parent is short. Dropped without being detached first: a partition that stands alone
  // has foreign keys of its own, and dropping those would lock the tables that they refer to.
  await sql`
    CREATE FUNCTION fleet.drop_partitions(parent regclass, before date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '150ms' AS $$
    DECLARE
      past text;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('fleet.partitions', parent::oid::bigint));
      PERFORM fleet.describe_partition(parent, before);
      IF before > fleet.utc_now() THEN
        RAISE EXCEPTION '% is not in the past', before;
      END IF;
      SELECT c.oid::regclass::text INTO past
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = parent
         AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $bound$TO [(]'([^']+)'[)]$bound$)::timestamptz <= before
       ORDER BY c.relname
       LIMIT 1;
      IF past IS NOT NULL THEN
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', parent);
        EXECUTE format('DROP TABLE %s', past);
      END IF;
      RETURN past;
    END $$`.execute(db)
}

async function deleteRows(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.delete_from_default(parent regclass, before date, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '150ms' SET enable_seqscan = off AS $$
    DECLARE
      rest regclass := fleet.default_partition(parent);
      key  name     := (fleet.describe_partition(parent, before)).key;
      deleted integer;
    BEGIN
      IF before > fleet.utc_now() THEN
        RAISE EXCEPTION '% is not in the past', before;
      END IF;
      EXECUTE format('
        DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM ONLY %1$s WHERE %2$I < %3$L ORDER BY %2$I LIMIT %4$s FOR UPDATE SKIP LOCKED))',
        rest, key, to_char(before, 'YYYY-MM-DD 00:00:00+00'), most);
      GET DIAGNOSTICS deleted = ROW_COUNT;
      RETURN deleted;
    END $$`.execute(db)
}

async function analyzeTables(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.analyze_partitions(parent regclass) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '150ms' AS $$
    BEGIN
      PERFORM fleet.describe_partition(parent, current_date);
      EXECUTE format('ANALYZE %s', parent);
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.analyze_partitions(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.delete_from_default(regclass, date, integer)`.execute(db)
  await sql`DROP FUNCTION fleet.drop_partitions(regclass, date)`.execute(db)
}
