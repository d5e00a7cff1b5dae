import { type Kysely, sql } from 'kysely'

/**
 * What turns a table into one that is partitioned by month of `created_at`, in place, and back: the table becomes the default partition
 * of a new parent that takes over its name, indexes, foreign keys, sequences, owner, grants and comments. No row is read or written.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await describeTables(db)
  await partitionTables(db)
  await joinTables(db)
  await sql`
    REVOKE EXECUTE ON FUNCTION
      fleet.owned_sequences(regclass, text), fleet.table_grants(regclass, text), fleet.parent_statements(regclass),
      fleet.partition_table(regclass), fleet.unpartition_table(regclass) FROM PUBLIC`.execute(db)
}

async function describeTables(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.owned_sequences(relation regclass, new_owner text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
      SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, new_owner, a.attname)
        FROM pg_depend d
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
         AND d.refobjid = relation AND d.deptype = 'a'
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.table_grants(relation regclass, receiver text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
      SELECT format('GRANT %s%s ON %s TO %s%s', x.privilege_type, g.columns, receiver,
             CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
             CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM (SELECT relacl AS acl, '' AS columns FROM pg_class WHERE oid = relation
              UNION ALL
              SELECT attacl, format(' (%I)', attname) FROM pg_attribute WHERE attrelid = relation AND NOT attisdropped) g
       CROSS JOIN aclexplode(g.acl) x
       WHERE x.grantee <> (SELECT relowner FROM pg_class WHERE oid = relation)
    $$`.execute(db)
  // What makes a table that bears this one's name, and has its columns already, like it.
  await sql`
    CREATE FUNCTION fleet.parent_statements(relation regclass) RETURNS text[] LANGUAGE sql STABLE AS $$
      SELECT array_agg(s.statement ORDER BY s.place, s.name) FROM (
        SELECT 1 AS place, '' AS name, format('ALTER TABLE %s OWNER TO %s', relation, relowner::regrole) AS statement
          FROM pg_class WHERE oid = relation AND relowner <> current_user::regrole
        UNION ALL
        SELECT 2, c.relname, pg_get_indexdef(c.oid)
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = relation
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = relation AND conindid = i.indexrelid)
        UNION ALL
        SELECT 3, conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', relation, conname, pg_get_constraintdef(oid))
          FROM pg_constraint WHERE conrelid = relation AND contype IN ('f', 'p', 'u')
        UNION ALL
        SELECT 4, '', fleet.owned_sequences(relation, relation::text)
        UNION ALL
        SELECT 5, '', fleet.table_grants(relation, relation::text)
        UNION ALL
        SELECT 6, '', format('COMMENT ON TABLE %s IS %L', relation, obj_description(relation, 'pg_class'))) s
    $$`.execute(db)
}

async function partitionTables(db: Kysely<any>): Promise<void> {
  // What the table has is put into words before it is renamed: the same words then make it the parent's. Attaching finds the old
  // table's indexes and foreign keys to be what the parent demands, so nothing is built and nothing checked.
  await sql`
    CREATE FUNCTION fleet.partition_table(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '150ms' AS $$
    DECLARE
      target   text   := relation::text;
      name     name   := (SELECT relname FROM pg_class WHERE oid = relation);
      rest     text   := (SELECT format('%I.%I', relnamespace::regnamespace, name || '_default') FROM pg_class WHERE oid = relation);
      -- A column that may be NULL cannot be part of a primary key.
      key      text   := (SELECT CASE WHEN attnotnull THEN format('%I PRIMARY KEY', name || '_pkey')
                                      ELSE format('%I UNIQUE', name || '_id_created_at_key') END
                            FROM pg_attribute WHERE attrelid = relation AND attname = 'created_at');
      former   name   := (SELECT conname FROM pg_constraint WHERE conrelid = relation AND contype = 'p');
      -- What the table is published by, where that cannot stay: its key goes, and no primary key comes.
      identity text    := (SELECT CASE WHEN c.relreplident = 'd' AND NOT a.attnotnull THEN 'DEFAULT'
                                       WHEN i.indexrelid IS NOT NULL THEN format('USING INDEX %I', former) END
                             FROM pg_class c
                             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'created_at'
                             LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisreplident AND i.indisprimary
                            WHERE c.oid = relation);
      obstacles text; remedies text; statement text; statements text[];
    BEGIN
      SELECT string_agg(o.obstacle, '; '), string_agg(o.remedy, '; ') INTO obstacles, remedies
        FROM fleet.partition_obstacles(relation) o;
      IF obstacles IS NOT NULL THEN
        RAISE EXCEPTION '% cannot be partitioned: %', relation, obstacles USING HINT = remedies;
      END IF;
      FOR statement IN
        SELECT DISTINCT format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', confrelid::regclass)
          FROM pg_constraint WHERE conrelid = relation AND contype = 'f'
      LOOP
        EXECUTE statement;
      END LOOP;
      EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);

      IF former IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, former);
      END IF;
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %s USING INDEX %I', relation, key, name || '_month_key');
      statements := fleet.parent_statements(relation);
      FOR statement IN
        SELECT format('ALTER INDEX %s RENAME TO %I', c.oid::regclass,
               CASE WHEN strpos(c.relname, name) > 0 THEN replace(c.relname, name, name || '_default')
                    ELSE c.relname || '_default' END)
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = relation
      LOOP
        EXECUTE statement;
      END LOOP;
      IF identity IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', relation);
      END IF;
      EXECUTE format('ALTER TABLE %s RENAME TO %I', relation, name || '_default');
      EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (created_at)', target, rest);
      PERFORM fleet.close_partition(target::regclass);
      PERFORM fleet.close_partition(rest::regclass);
      FOREACH statement IN ARRAY statements LOOP EXECUTE statement; END LOOP;
      SELECT CASE relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END INTO statement
        FROM pg_class WHERE oid = relation;
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', target, statement);
      EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s DEFAULT', target, rest);
      INSERT INTO fleet.partitioned_tables (parent, former_key, former_identity) VALUES (target::regclass, former, identity);
    END $$`.execute(db)
}

async function joinTables(db: Kysely<any>): Promise<void> {
  // Also the rows of partitions that were prepared and never attached: they may have been diverted into them.
  await sql`
    CREATE FUNCTION fleet.unpartition_table(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '150ms' AS $$
    DECLARE
      target  text     := relation::text;
      name    name     := (SELECT relname FROM pg_class WHERE oid = relation);
      rest    regclass := fleet.default_partition(relation);
      columns text     := fleet.partition_columns(relation);
      former  name     := (SELECT former_key FROM fleet.partitioned_tables WHERE parent = relation);
      identity text    := (SELECT former_identity FROM fleet.partitioned_tables WHERE parent = relation);
      part    record;
      statement text; renames text[];
    BEGIN
      EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
      SELECT array_agg(format('ALTER INDEX %s RENAME TO %I', h.inhrelid::regclass, p.relname)) INTO renames
        FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid JOIN pg_class p ON p.oid = h.inhparent
       WHERE i.indrelid = rest;
      EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', relation, rest);
      FOR part IN
        SELECT oid::regclass AS relation, relname AS name FROM pg_class
         WHERE obj_description(oid, 'pg_class') = format('partition of %s, made by the fleet', relation) AND NOT relispartition
      LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', rest, part.name);
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', part.name, rest);
        EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s', rest, columns, part.relation);
        EXECUTE format('DROP TABLE %s', part.relation);
      END LOOP;
      EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s', rest, columns, relation);
      FOR statement IN
        SELECT fleet.owned_sequences(relation, rest::text) UNION ALL SELECT fleet.table_grants(relation, rest::text)
      LOOP
        EXECUTE statement;
      END LOOP;
      DELETE FROM fleet.partitioned_tables WHERE parent = relation;
      EXECUTE format('DROP TABLE %s', relation);
      EXECUTE format('ALTER TABLE %s RENAME TO %I', rest, name);
      FOREACH statement IN ARRAY renames LOOP EXECUTE statement; END LOOP;
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rest, (
        SELECT conname FROM pg_constraint
         WHERE conrelid = rest AND conname IN (name || '_pkey', name || '_id_created_at_key')));
      EXECUTE format('CREATE UNIQUE INDEX %I ON %s (id, created_at)', name || '_month_key', rest);
      IF former IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (id)', rest, former);
      END IF;
      IF identity IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', rest, identity);
      END IF;
    END $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.unpartition_table(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.partition_table(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.parent_statements(regclass)`.execute(db)
  await sql`DROP FUNCTION fleet.table_grants(regclass, text)`.execute(db)
  await sql`DROP FUNCTION fleet.owned_sequences(regclass, text)`.execute(db)
}
