import { type Kysely, sql } from 'kysely'

/**
 * The customers, `companies`, and the folders that their files lie in, `storage_folders`.
 *
 * Locks: SHARE ROW EXCLUSIVE on users and storage_connections for the foreign keys, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createCompanies(db)
  await createStorageFolders(db)
}

async function createCompanies(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.companies (
      id                      serial       PRIMARY KEY,
      name                    varchar(255) NOT NULL,
      slug                    varchar(255) NOT NULL,
      contact_email           varchar(255),
      contact_phone           varchar(50),
      telegram_chat_id        varchar(100),
      storage_type            varchar(50)  DEFAULT 'local',
      yandex_disk_folder_id   varchar(255),
      content_types           varchar(255),
      backup_provider         varchar(50),
      backup_remote_path      varchar(500),
      storage_connection_id   integer      REFERENCES storage_connections (id),
      storage_path            varchar(500),
      subscription_tier       varchar(50)  DEFAULT 'basic',
      storage_quota_gb        integer      DEFAULT 10,
      storage_used_bytes      bigint       DEFAULT 0,
      projects_limit          integer      DEFAULT 50,
      subscription_expires_at timestamp,
      is_active               boolean      DEFAULT true,
      is_default              boolean      DEFAULT false,
      notes                   text,
      metadata                jsonb        DEFAULT '{}',
      created_at              timestamp    DEFAULT now(),
      updated_at              timestamp    DEFAULT now(),
      created_by              integer      REFERENCES users (id)
    )`.execute(db)
  await sql`CREATE UNIQUE INDEX ix_companies_name ON fleet.companies (name)`.execute(db)
  await sql`CREATE UNIQUE INDEX ix_companies_slug ON fleet.companies (slug)`.execute(db)
  await sql`CREATE INDEX ix_companies_storage_type ON fleet.companies (storage_type)`.execute(db)
  await sql`CREATE INDEX ix_companies_is_active ON fleet.companies (is_active)`.execute(db)
  await sql`CREATE INDEX ix_companies_storage_connection_id ON fleet.companies (storage_connection_id)`.execute(db)
  await sql`CREATE INDEX ix_companies_created_by ON fleet.companies (created_by)`.execute(db)
  await sql`
    CREATE TRIGGER update_companies_updated_at BEFORE UPDATE ON fleet.companies
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('companies')`.execute(db)
}

async function createStorageFolders(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.storage_folders (
      id               serial       PRIMARY KEY,
      company_id       integer      NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      name             varchar(255) NOT NULL,
      path             varchar(500) NOT NULL,
      folder_type      varchar(50),
      files_count      integer      DEFAULT 0,
      total_size_bytes bigint       DEFAULT 0,
      created_at       timestamp    DEFAULT now(),
      updated_at       timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_storage_folders_company_id ON fleet.storage_folders (company_id)`.execute(db)
  await sql`
    CREATE TRIGGER update_storage_folders_updated_at BEFORE UPDATE ON fleet.storage_folders
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('storage_folders')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'storage_folders')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'companies')`.execute(db)
}

export const drops = ['companies', 'storage_folders']
