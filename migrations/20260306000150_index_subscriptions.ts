import { type Kysely, sql } from 'kysely'

export const transaction = false

/**
 * The indexes that a sweep looks into. Each holds the rows for which one thing is still to be done, by when: rows leave it when that is
 * done, so that a pass with nothing due reads nothing, however many there are.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on projects, portraits and companies, which blocks no reader and no writer, as long as it takes to
 * read each of them up to eight times.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // A build that was interrupted leaves an INVALID index, which IF NOT EXISTS would take for the thing itself.
  await sql`
    DO $$ DECLARE broken regclass; BEGIN
      PERFORM set_config('lock_timeout', '800ms', true);
      FOR broken IN
        SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid IN ('public.projects'::regclass, 'public.portraits'::regclass, 'public.companies'::regclass)
           AND NOT i.indisvalid
           AND c.relname IN (
                 'ix_projects_warn', 'ix_projects_remind', 'ix_projects_expire', 'ix_projects_suspend',
                 'ix_portraits_warn', 'ix_portraits_remind', 'ix_portraits_expire', 'ix_portraits_suspend',
                 'ix_companies_subscription_expires_at')
      LOOP
        EXECUTE format('DROP INDEX %s', broken);
      END LOOP;
    END $$`.execute(db)
  await indexProjects(db)
  await indexPortraits(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_companies_subscription_expires_at ON companies (subscription_expires_at)
     WHERE subscription_expires_at IS NOT NULL`.execute(db)
}

async function indexProjects(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_warn ON projects (fleet.warn_at(subscription_end, notify_before_expiry_days))
     WHERE status = 'active' AND subscription_end IS NOT NULL
       AND (notified_7d IS NOT TRUE OR coalesce(lifecycle_status, 'active') = 'active')`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_remind ON projects (subscription_end)
     WHERE status = 'active' AND subscription_end IS NOT NULL AND notified_24h IS NOT TRUE`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_expire ON projects (subscription_end)
     WHERE subscription_end IS NOT NULL
       AND (status = 'active'
            OR (status = 'expired'
                AND (notified_expired IS NOT TRUE OR coalesce(lifecycle_status, 'active') IN ('active', 'expiring'))))`.execute(
    db,
  )
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_suspend ON projects (subscription_end)
     WHERE status IN ('active', 'expired') AND subscription_end IS NOT NULL AND lifecycle_status = 'expired'`.execute(
    db,
  )
}

async function indexPortraits(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_portraits_warn ON portraits (subscription_end)
     WHERE status = 'active' AND subscription_end IS NOT NULL
       AND (notified_7d IS NOT TRUE OR coalesce(lifecycle_status, 'active') = 'active')`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_portraits_remind ON portraits (subscription_end)
     WHERE status = 'active' AND subscription_end IS NOT NULL AND notified_24h IS NOT TRUE`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_portraits_expire ON portraits (subscription_end)
     WHERE status = 'active' AND subscription_end IS NOT NULL
       AND (notified_expired IS NOT TRUE OR coalesce(lifecycle_status, 'active') IN ('active', 'expiring'))`.execute(db)
  await sql`
    CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_portraits_suspend ON portraits (subscription_end)
     WHERE status = 'active' AND subscription_end IS NOT NULL AND lifecycle_status = 'expired'`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_companies_subscription_expires_at`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_portraits_suspend`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_portraits_expire`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_portraits_remind`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_portraits_warn`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_projects_suspend`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_projects_expire`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_projects_remind`.execute(db)
  await sql`DROP INDEX CONCURRENTLY IF EXISTS ix_projects_warn`.execute(db)
}
