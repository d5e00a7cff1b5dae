import { type Kysely, sql } from 'kysely'

/**
 * The specification's two views, `active_projects` and `expiring_subscriptions`. The second reads `fleet.utc_now()` where the
 * specification has `now()`: `subscription_end` is UTC, and `now()` compared with it would be local time of the reader's session.
 *
 * Locks: none that writers meet; readers of a view that the platform has made wait while it is replaced.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE VIEW fleet.active_projects AS
    SELECT p.*, c.name AS company_name
      FROM projects p
      JOIN companies c ON p.company_id = c.id
     WHERE p.status = 'active' AND c.is_active = true`.execute(db)
  await sql`SELECT fleet.settle_view('active_projects')`.execute(db)
  await sql`
    CREATE VIEW fleet.expiring_subscriptions AS
    SELECT 'projects' AS entity_type,
           p.id AS entity_id,
           p.name AS entity_name,
           p.subscription_end,
           c.name AS company_name,
           CASE
             WHEN p.subscription_end <= fleet.utc_now() THEN 'expired'
             WHEN p.subscription_end <= fleet.utc_now() + interval '24 hours' THEN 'expires_today'
             WHEN p.subscription_end <= fleet.utc_now() + interval '7 days' THEN 'expires_soon'
             ELSE 'active'
           END AS urgency
      FROM projects p
      JOIN companies c ON p.company_id = c.id
     WHERE p.subscription_end IS NOT NULL
       AND p.subscription_end <= fleet.utc_now() + interval '7 days'
       AND p.status = 'active'
       AND c.is_active = true`.execute(db)
  await sql`SELECT fleet.settle_view('expiring_subscriptions')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('view', 'expiring_subscriptions')`.execute(db)
  await sql`SELECT fleet.withdraw('view', 'active_projects')`.execute(db)
}
