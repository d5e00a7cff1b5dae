import { type Kysely, sql } from 'kysely'

/**
 * Who may log in, and where files are kept: `users` and `storage_connections`.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createUsers(db)
  await createStorageConnections(db)
}

async function createUsers(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE users (
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
  await sql`CREATE UNIQUE INDEX ix_users_email ON users (email)`.execute(db)
  await sql`CREATE INDEX ix_users_role ON users (role)`.execute(db)
  await sql`CREATE INDEX ix_users_is_active ON users (is_active)`.execute(db)
  await sql`CREATE INDEX ix_users_created_at ON users (created_at)`.execute(db)
  await sql`
    CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
      FOR EACH ROW EXECUTE FUNCTION fleet.update_updated_at_timestamptz()`.execute(db)
}

async function createStorageConnections(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE storage_connections (
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
  await sql`CREATE INDEX ix_storage_connections_created_by ON storage_connections (created_by)`.execute(db)
  await sql`
    CREATE TRIGGER update_storage_connections_updated_at BEFORE UPDATE ON storage_connections
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE storage_connections`.execute(db)
  await sql`DROP TABLE users`.execute(db)
}
