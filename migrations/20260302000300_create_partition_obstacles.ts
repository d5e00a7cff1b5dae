import { type Kysely, sql } from 'kysely'

/**
 * What is in the way of partitioning a table by month of its `created_at`, and the statement that would clear it away.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.partition_obstacles(relation regclass) RETURNS TABLE (obstacle text, remedy text)
    LANGUAGE sql STABLE AS $$${sql.raw(partitionObstacles('relation'))}
    $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.partition_obstacles(regclass) FROM PUBLIC`.execute(db)
}

/**
 * The same as SQL, for a database that has no such function yet: rows of (obstacle, remedy), none where nothing is in the way. The table
 * is an expression of type regclass, such as `to_regclass('public.audit_log')`.
 */
export function partitionObstacles(relation: string): string {
  return `
      SELECT format('%s is not a plain table', c.oid::regclass),
             coalesce('ALTER TABLE ' || i.inhrelid::regclass || ' NO INHERIT ' || i.inhparent::regclass,
                      'no statement does: its rows have to be copied into a plain table')
        FROM pg_class c LEFT JOIN pg_inherits i ON c.oid IN (i.inhrelid, i.inhparent) AND c.relkind = 'r' AND NOT c.relispartition
       WHERE c.oid = ${relation} AND (c.relkind <> 'r' OR c.relispartition OR i.inhrelid IS NOT NULL)
      UNION ALL
      SELECT format('%s has the name that the default partition of %s is given', o.oid::regclass, c.oid::regclass),
             format('ALTER TABLE %s RENAME TO …', o.oid::regclass)
        FROM pg_class c JOIN pg_class o ON o.relnamespace = c.relnamespace AND o.relname = c.relname || '_default'
       WHERE c.oid = ${relation}
      UNION ALL
      SELECT format('foreign key %s of %s refers to %s', quote_ident(conname), conrelid::regclass, confrelid::regclass),
             format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint WHERE confrelid = ${relation}
      UNION ALL
      SELECT format('%s has the trigger %s', tgrelid::regclass, quote_ident(tgname)),
             format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
        FROM pg_trigger WHERE tgrelid = ${relation} AND NOT tgisinternal
      UNION ALL
      SELECT format('%s has the policy %s', polrelid::regclass, quote_ident(polname)),
             format('DROP POLICY %I ON %s', polname, polrelid::regclass)
        FROM pg_policy WHERE polrelid = ${relation}
      UNION ALL
      SELECT format('%s has row-level security', oid::regclass),
             format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', oid::regclass)
        FROM pg_class WHERE oid = ${relation} AND relrowsecurity
      UNION ALL
      SELECT DISTINCT format('%s depends on it', pg_describe_object(d.classid, d.objid, 0)),
             CASE WHEN r.ev_class = d.refobjid THEN format('DROP RULE %I ON %s', r.rulename, r.ev_class::regclass)
                  ELSE format('DROP %sVIEW %s', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, r.ev_class::regclass) END
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class v ON v.oid = r.ev_class
       WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ${relation}
      UNION ALL
      SELECT DISTINCT format('%s depends on it', pg_describe_object(d.classid, d.objid, 0)),
             format('DROP FUNCTION %s', d.objid::regprocedure)
        FROM pg_depend d JOIN pg_class c ON c.oid = ${relation}
       WHERE d.classid = 'pg_proc'::regclass
         AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype))
      UNION ALL
      SELECT format('publication %s names %s', quote_ident(p.pubname), r.prrelid::regclass),
             format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, r.prrelid::regclass)
        FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = ${relation}
      UNION ALL
      SELECT format('%s is unique without created_at', i.indexrelid::regclass),
             CASE WHEN k.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
                  ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, k.conname) END
        FROM pg_index i LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
       WHERE i.indrelid = ${relation} AND (i.indisunique OR i.indisexclusion)
         AND NOT EXISTS (
           SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
              AND (a.attname = 'created_at' OR i.indisprimary AND i.indnkeyatts = 1 AND a.attname = 'id'))
      UNION ALL
      SELECT format('index %s is not valid', indexrelid::regclass), format('DROP INDEX %s', indexrelid::regclass)
        FROM pg_index WHERE indrelid = ${relation} AND NOT indisvalid
      UNION ALL
      SELECT format('constraint %s of %s has not been validated', quote_ident(conname), conrelid::regclass),
             format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint WHERE conrelid = ${relation} AND NOT convalidated
      UNION ALL
      SELECT format('constraint %s of %s is not inherited', quote_ident(conname), conrelid::regclass),
             format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint WHERE conrelid = ${relation} AND contype IN ('c', 'n') AND connoinherit
      UNION ALL
      SELECT format('column %s of %s is an identity', quote_ident(attname), attrelid::regclass),
             format('ALTER TABLE %s ALTER %I DROP IDENTITY', attrelid::regclass, attname)
        FROM pg_attribute WHERE attrelid = ${relation} AND attidentity <> ''`
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.partition_obstacles(regclass)`.execute(db)
}
