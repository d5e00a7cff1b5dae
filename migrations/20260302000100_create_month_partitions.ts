import { type Kysely, sql } from 'kysely'

/**
 * What makes the monthly partitions of the tables that are listed in `fleet.partitioned_tables`: range partitioned by one column,
 * months in UTC, named `<parent>_2026_11`, beside a default partition that takes any other row.
 *
 * A month takes three calls, each in a transaction of its own: `fleet.prepare_partition`, `fleet.validate_partition`,
 * `fleet.attach_partition`. Any of them can be repeated, and they go on where they were interrupted. They run with their owner's rights
 * and refuse every other table, so that a worker can call them that owns nothing. Writers wait for a moment at most: what cannot be
 * locked in 150 ms raises `lock_not_available`, to be tried again.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`CREATE TABLE fleet.partitioned_tables (parent regclass PRIMARY KEY, former_key name, former_identity text)`.execute(
    db,
  )
  await describeParents(db)
  await guardTables(db)
  await describeMonths(db)
  await moveRows(db)
  await createTables(db)
  await prepareMonths(db)
  await attachMonths(db)
  await sql`
    REVOKE EXECUTE ON FUNCTION
      fleet.default_partition(regclass), fleet.partition_columns(regclass), fleet.close_partition(regclass),
      fleet.foreign_tables(regclass, text), fleet.describe_partition(regclass, date), fleet.divert_row(), fleet.move_to_partition(regclass, date), fleet.create_partition_table(regclass, date),
      fleet.prepare_partition(regclass, date), fleet.validate_partition(regclass, date),
      fleet.attach_partition(regclass, date) FROM PUBLIC`.execute(db)
}

async function describeParents(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.default_partition(parent regclass) RETURNS regclass LANGUAGE sql STABLE AS $$
      SELECT nullif(partdefid, 0)::regclass FROM pg_catalog.pg_partitioned_table WHERE partrelid = parent
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.partition_columns(parent regclass) RETURNS text LANGUAGE sql STABLE AS $$
      SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute
       WHERE attrelid = parent AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    $$`.execute(db)
}

async function guardTables(db: Kysely<any>): Promise<void> {
  // Row security of the parent holds for whoever goes through the parent. So nobody but the owner may go past it.
  await sql`
    CREATE FUNCTION fleet.close_partition(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      grantee text;
    BEGIN
      FOR grantee IN
        SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END
          FROM (SELECT relacl AS acl FROM pg_catalog.pg_class WHERE oid = relation
                UNION ALL
                SELECT attacl FROM pg_catalog.pg_attribute WHERE attrelid = relation AND NOT attisdropped) g
         CROSS JOIN pg_catalog.aclexplode(g.acl) x
         WHERE x.grantee <> (SELECT relowner FROM pg_catalog.pg_class WHERE oid = relation)
      LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', relation, grantee);
      END LOOP;
    END $$`.execute(db)
  // Where a superuser acts: tables of others, whose triggers and expressions would run with all the superuser's rights.
  await sql`
    CREATE FUNCTION fleet.foreign_tables(parent regclass, month text) RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
      SELECT c.oid::regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles keeper ON keeper.oid = c.relowner
       WHERE (c.oid IN (parent, to_regclass(month))
              OR c.oid IN (SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = parent))
         AND NOT keeper.rolsuper
         AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
       ORDER BY c.oid
    $$`.execute(db)
}

async function describeMonths(db: Kysely<any>): Promise<void> {
  // The zone in the bounds counts for timestamptz; timestamp and date pass over it.
  await sql`
    CREATE FUNCTION fleet.describe_partition(
      parent regclass, month date,
      OUT name text, OUT qualified text, OUT attached boolean, OUT key name, OUT lower text, OUT upper text)
    LANGUAGE plpgsql STABLE AS $$
    DECLARE
      remedies text;
    BEGIN
      SELECT c.relname || to_char(month, '_YYYY_MM'), format('%I.%I', n.nspname, c.relname || to_char(month, '_YYYY_MM')),
             a.attname, to_char(date_trunc('month', month), 'YYYY-MM-DD 00:00:00+00'),
             to_char(date_trunc('month', month) + interval '1 month', 'YYYY-MM-DD 00:00:00+00')
        INTO name, qualified, key, lower, upper
        FROM fleet.partitioned_tables t
        JOIN pg_catalog.pg_class c ON c.oid = t.parent
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid AND p.partstrat = 'r' AND p.partnatts = 1
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
       WHERE t.parent = describe_partition.parent;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'the fleet does not keep partitions of %', parent
          USING HINT = 'The tables whose partitions it keeps are in fleet.partitioned_tables.';
      END IF;
      IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) THEN
        SELECT string_agg(format('ALTER TABLE %s OWNER TO %I', f, current_user), '; ') INTO remedies
          FROM fleet.foreign_tables(parent, qualified) f;
        IF remedies IS NOT NULL THEN
          RAISE EXCEPTION 'the fleet does not keep partitions of %: a superuser has migrated, and it belongs to somebody else', parent
            USING ERRCODE = 'insufficient_privilege', HINT = remedies;
        END IF;
      END IF;
      attached := coalesce((SELECT relispartition FROM pg_catalog.pg_class WHERE oid = to_regclass(qualified)), false);
    END $$`.execute(db)
}

async function moveRows(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.move_to_partition(parent regclass, month date) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      part record := fleet.describe_partition(parent, month);
    BEGIN
      EXECUTE format('
        WITH moved AS (DELETE FROM ONLY %1$s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING %5$s)
        INSERT INTO %6$s (%5$s) SELECT %5$s FROM moved',
        fleet.default_partition(parent), part.key, part.lower, part.upper, fleet.partition_columns(parent), part.qualified);
    END $$`.execute(db)
  // By name, as the columns of the two tables may lie in another order. Statement triggers of the parent do not see such a row: what
  // the one of ar_view_sessions would note (see create_uncounted_views) is noted here.
  await sql`
    CREATE FUNCTION fleet.divert_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', TG_ARGV[0], TG_ARGV[1])
        USING to_jsonb(NEW);
      IF TG_RELID = to_regclass('public.ar_view_sessions_default') AND to_regclass('fleet.uncounted_views') IS NOT NULL THEN
        INSERT INTO fleet.uncounted_views (ar_content_id, views, last_viewed_at)
        VALUES (NEW.ar_content_id, 1, fleet.view_time(NEW.created_at));
      END IF;
      RETURN NULL;
    END $$`.execute(db)
}

async function createTables(db: Kysely<any>): Promise<void> {
  // With its foreign keys from the start: a row that is diverted here is checked as it would be in the parent.
  await sql`
    CREATE FUNCTION fleet.create_partition_table(parent regclass, month date) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      part record  := fleet.describe_partition(parent, month);
      mark text    := format('partition of %s, made by the fleet', parent);
      keeper regrole := (SELECT relowner FROM pg_catalog.pg_class WHERE oid = parent);
      foreign_key record;
      identity "char";
    BEGIN
      IF to_regclass(part.qualified) IS NOT NULL THEN
        IF obj_description(to_regclass(part.qualified), 'pg_class') IS DISTINCT FROM mark THEN
          RAISE EXCEPTION '% is in the way of a partition: the fleet has not made it', part.qualified
            USING HINT = format('Rename it: ALTER TABLE %s RENAME TO …', part.qualified);
        END IF;
        RETURN;
      END IF;
      EXECUTE format('
        CREATE TABLE %s (
          LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE)',
        part.qualified, parent);
      EXECUTE format('COMMENT ON TABLE %s IS %L', part.qualified, mark);
      FOR foreign_key IN
        SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_catalog.pg_constraint
         WHERE conrelid = parent AND contype = 'f' ORDER BY confrelid, conname
      LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', part.qualified, foreign_key.conname, foreign_key.definition);
      END LOOP;
      PERFORM fleet.close_partition(part.qualified::regclass);
      -- Without a key, UPDATE and DELETE of a table that is published would be refused.
      SELECT relreplident INTO identity FROM pg_catalog.pg_class WHERE oid = fleet.default_partition(parent);
      IF identity = 'f' OR identity <> 'n' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_index WHERE indrelid = to_regclass(part.qualified) AND indisprimary)
      THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', part.qualified);
      END IF;
      IF keeper <> current_user::regrole THEN
        EXECUTE format('ALTER TABLE %s OWNER TO %s', part.qualified, keeper);
      END IF;
    END $$`.execute(db)
}

async function prepareMonths(db: Kysely<any>): Promise<void> {
  // A default partition of 8 MB or less is simply looked through, under the lock, when the month is attached. Of a larger one it is
  // proved while others write to it that it holds no row of the month, by a CHECK. What arrives for the month meanwhile is diverted
  // into the coming partition and seen with it: a matter of seconds, but not to be done to rows of today.
  await sql`
    CREATE FUNCTION fleet.prepare_partition(parent regclass, month date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '150ms' SET enable_seqscan = off AS $$
    DECLARE
      part record;
      rest regclass := fleet.default_partition(parent);
      rows_inside integer;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('fleet.partitions', parent::oid::bigint));
      part := fleet.describe_partition(parent, month);
      IF part.attached THEN RETURN 'attached'; END IF;
      IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = rest AND conname = part.name) THEN RETURN 'prepared'; END IF;
      IF pg_relation_size(rest) <= 8388608 THEN
        PERFORM fleet.create_partition_table(parent, month);
        RETURN 'prepared';
      END IF;
      EXECUTE format('SELECT count(*) FROM (SELECT FROM ONLY %1$s WHERE %2$I >= %3$L AND %2$I < %4$L LIMIT 1001) r',
        rest, part.key, part.lower, part.upper) INTO rows_inside;
      -- Rows of anybody are diverted with the rights of the functions' owner: not into a table whose triggers are somebody else's.
      IF rows_inside > 1000 OR part.lower::timestamp < fleet.utc_now() + interval '1 day'
        OR EXISTS (SELECT FROM fleet.foreign_tables(parent, part.qualified))
      THEN
        RETURN 'left';
      END IF;
      PERFORM fleet.create_partition_table(parent, month);
      EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', rest);
      EXECUTE format('ALTER TABLE %1$s ADD CONSTRAINT %2$I CHECK (%3$I IS NULL OR %3$I < %4$L OR %3$I >= %5$L) NOT VALID',
        rest, part.name, part.key, part.lower, part.upper);
      EXECUTE format('
        CREATE TRIGGER %1$I BEFORE INSERT ON %2$s FOR EACH ROW WHEN (NEW.%3$I >= %4$L AND NEW.%3$I < %5$L)
          EXECUTE FUNCTION fleet.divert_row(%6$L, %7$L)',
        part.name, rest, part.key, part.lower, part.upper, part.qualified, fleet.partition_columns(parent));
      PERFORM fleet.move_to_partition(parent, month);
      RETURN 'prepared';
    END $$`.execute(db)
}

async function attachMonths(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.validate_partition(parent regclass, month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '150ms' AS $$
    DECLARE
      part record := fleet.describe_partition(parent, month);
      rest regclass := fleet.default_partition(parent);
    BEGIN
      IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = rest AND conname = part.name AND NOT convalidated) THEN
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', rest, part.name);
      END IF;
    END $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.attach_partition(parent regclass, month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '150ms' SET enable_seqscan = off AS $$
    DECLARE
      part record;
      rest regclass := fleet.default_partition(parent);
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('fleet.partitions', parent::oid::bigint));
      part := fleet.describe_partition(parent, month);
      IF part.attached THEN RETURN; END IF;
      IF to_regclass(part.qualified) IS NULL OR pg_relation_size(rest) > 8388608 AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conrelid = rest AND conname = part.name AND convalidated)
      THEN
        RAISE EXCEPTION '% is not ready to be attached', part.qualified
          USING HINT = 'Call fleet.prepare_partition and fleet.validate_partition before, each in a transaction of its own.';
      END IF;
      EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', rest);
      PERFORM fleet.move_to_partition(parent, month);
      EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
        parent, part.qualified, part.lower, part.upper);
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', rest, part.name);
      EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', part.name, rest);
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.attach_partition(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.validate_partition(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.prepare_partition(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.create_partition_table(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.divert_row()`.execute(db)
  await sql`DROP FUNCTION fleet.move_to_partition(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.describe_partition(regclass, date)`.execute(db)
  await sql`DROP FUNCTION fleet.foreign_tables(regclass, text)`.execute(db)
  await sql`DROP FUNCTION fleet.close_partition(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.partition_columns(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.default_partition(regclass)`.execute(db)
  await sql`DROP TABLE fleet.partitioned_tables`.execute(db)
}
