import { type Kysely, sql } from 'kysely'

/**
 * ar_view_sessions by month of created_at, which may be NULL: such rows belong to the default partition, and a primary key is not
 * possible, so (id, created_at) is unique only.
 *
 * Locks: ACCESS EXCLUSIVE on ar_view_sessions and SHARE ROW EXCLUSIVE on the tables it refers to, for milliseconds: no row is read.
 * Down rewrites: it holds the same locks, exclusively, while the rows of all months are copied back and the old key is built.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.partition_table('public.ar_view_sessions')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.unpartition_table('public.ar_view_sessions')`.execute(db)
}
