import { type Kysely, sql } from 'kysely'

/**
 * audit_log by month of created_at. What it holds stays where it is, as the default partition; `audit_log` is the parent from now on.
 *
 * Locks: ACCESS EXCLUSIVE on audit_log and SHARE ROW EXCLUSIVE on the tables it refers to, for milliseconds: no row is read. Down
 * rewrites: it holds the same locks, exclusively, while the rows of all months are copied back and the old key is built.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.partition_table('public.audit_log')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.unpartition_table('public.audit_log')`.execute(db)
}
