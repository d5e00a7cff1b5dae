import { type Kysely, sql } from 'kysely'

/**
 * What companies subscribe to, `projects`, with the flags of the notices sent about their end.
 *
 * Locks: SHARE ROW EXCLUSIVE on companies for the foreign key, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.projects (
      id                        serial       PRIMARY KEY,
      company_id                integer      NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      name                      varchar(255) NOT NULL,
      slug                      varchar(255) NOT NULL,
      folder_path               varchar(500),
      description               text,
      project_type              varchar(100),
      subscription_type         varchar(50)  DEFAULT 'monthly',
      subscription_end          timestamp,
      starts_at                 timestamp,
      auto_renew                integer      DEFAULT 0,
      status                    varchar(50)  DEFAULT 'active',
      lifecycle_status          varchar(50)  DEFAULT 'active',
      notified_7d               boolean      DEFAULT false,
      notified_24h              boolean      DEFAULT false,
      notified_expired          boolean      DEFAULT false,
      notify_before_expiry_days integer      DEFAULT 7,
      last_notification_sent_at timestamp,
      tags                      text[],
      metadata                  jsonb        DEFAULT '{}',
      created_at                timestamp    DEFAULT now(),
      updated_at                timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE UNIQUE INDEX ux_projects_company_slug ON fleet.projects (company_id, slug)`.execute(db)
  await sql`CREATE INDEX ix_projects_company_id ON fleet.projects (company_id)`.execute(db)
  await sql`CREATE INDEX ix_projects_status ON fleet.projects (status)`.execute(db)
  await sql`CREATE INDEX ix_projects_subscription_end ON fleet.projects (subscription_end)`.execute(db)
  await sql`
    CREATE TRIGGER update_projects_updated_at BEFORE UPDATE ON fleet.projects
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('projects')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'projects')`.execute(db)
}

export const drops = ['projects']
