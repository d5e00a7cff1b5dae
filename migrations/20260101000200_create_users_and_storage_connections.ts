import { type Kysely, sql } from 'kysely'

/**
 * Who may log in, and where files are kept: `users` and `storage_connections`.
 *
 * Locks: none on existing tables, but for what `settle_table` takes on tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createUsers(db)
  await createStorageConnections(db)
}

async function createUsers(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.users (
      id              serial       PRIMARY KEY,
      email           varchar(255) NOT NULL,
      hashed_password varchar(255) NOT NULL,
      full_name       varchar(255) NOT NULL,
      role            user_role    NOT NULL DEFAULT 'viewer',
      is_active       boolean      NOT NULL DEFAULT true,
      last_login_at   timestamptz,
      created_at      timestamptz  NOT NULL DEFAULT now(),
      updated_at      timestamptz  NOT NULL DEFAULT now(),
      login_attempts  integer      NOT NULL DEFAULT 0,
      locked_until    timestamptz
    )`.execute(db)
  await sql`CREATE UNIQUE INDEX ix_users_email ON fleet.users (email)`.execute(db)
  await sql`CREATE INDEX ix_users_role ON fleet.users (role)`.execute(db)
  await sql`CREATE INDEX ix_users_is_active ON fleet.users (is_active)`.execute(db)
  await sql`CREATE INDEX ix_users_created_at ON fleet.users (created_at)`.execute(db)
  await sql`
    CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON fleet.users
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('users')`.execute(db)
}

async function createStorageConnections(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.storage_connections (
      id             serial       PRIMARY KEY,
      name           varchar(255) NOT NULL UNIQUE,
      provider       varchar(50)  NOT NULL,
      credentials    jsonb        DEFAULT '{}',
      base_path      varchar(500),
      is_default     boolean      DEFAULT false,
      is_active      boolean      DEFAULT true,
      last_tested_at timestamp,
      test_status    varchar(50),
      test_error     text,
      metadata       jsonb        DEFAULT '{}',
      created_at     timestamp    DEFAULT now(),
      updated_at     timestamp    DEFAULT now(),
      created_by     integer      REFERENCES users (id)
    )`.execute(db)
  await sql`CREATE INDEX ix_storage_connections_created_by ON fleet.storage_connections (created_by)`.execute(db)
  await sql`
    CREATE TRIGGER update_storage_connections_updated_at BEFORE UPDATE ON fleet.storage_connections
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('storage_connections')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'storage_connections')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'users')`.execute(db)
}

export const drops = ['users', 'storage_connections']
