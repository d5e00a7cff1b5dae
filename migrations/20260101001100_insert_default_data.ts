import { type Kysely, sql } from 'kysely'

/**
 * The specification's default rows: an administrator, a storage connection and a company, each only into a table that the
 * migrations created: a database that was adopted has an administrator and companies of its own.
 *
 * The administrator's hash has bcrypt's shape but comes from no password: nobody can log in until one is set.
 *
 * TIMESTAMP columns are written explicitly: their `DEFAULT now()` is local time of the migrating session.
 *
 * Locks: none that other writers meet.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    INSERT INTO users (email, hashed_password, full_name, role)
    SELECT 'admin@vertexar.com', '$2b$12$NoPasswordHasBeenSetYet/RunFleetUsersSetPasswordThere', 'Administrator', 'admin'
     WHERE fleet.created_table('users')
    ON CONFLICT DO NOTHING`.execute(db)
  await sql`
    INSERT INTO storage_connections (name, provider, base_path, is_default, created_at, updated_at)
    SELECT 'default_local', 'local_disk', '/app/storage/content', true, fleet.utc_now(), fleet.utc_now()
     WHERE fleet.created_table('storage_connections')
    ON CONFLICT DO NOTHING`.execute(db)
  await sql`
    INSERT INTO companies (name, slug, storage_type, storage_connection_id, is_default, created_at, updated_at)
    SELECT 'Vertex AR Demo', 'vertex-ar-demo', 'local', (SELECT id FROM storage_connections WHERE name = 'default_local'),
           true, fleet.utc_now(), fleet.utc_now()
     WHERE fleet.created_table('companies')
    ON CONFLICT DO NOTHING`.execute(db)
}

/** Takes back only what nobody has made their own: a row that others refer to stays, and so does an administrator with a password. */
export async function down(db: Kysely<any>): Promise<void> {
  await sql`
    DELETE FROM companies c
     WHERE slug = 'vertex-ar-demo'
       AND fleet.created_table('companies')
       AND NOT EXISTS (SELECT FROM storage_folders  WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM projects         WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM clients          WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM orders           WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM portraits        WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM ar_content       WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM ar_view_sessions WHERE company_id = c.id)
       AND NOT EXISTS (SELECT FROM notifications    WHERE company_id = c.id)`.execute(db)
  await sql`
    DELETE FROM storage_connections s
     WHERE name = 'default_local'
       AND fleet.created_table('storage_connections')
       AND NOT EXISTS (SELECT FROM companies WHERE storage_connection_id = s.id)
       AND NOT EXISTS (SELECT FROM portraits WHERE storage_connection_id = s.id)`.execute(db)
  await sql`
    DELETE FROM users u
     WHERE email = 'admin@vertexar.com'
       AND fleet.created_table('users')
       AND hashed_password = '$2b$12$NoPasswordHasBeenSetYet/RunFleetUsersSetPasswordThere'
       AND NOT EXISTS (SELECT FROM companies           WHERE created_by = u.id)
       AND NOT EXISTS (SELECT FROM storage_connections WHERE created_by = u.id)
       AND NOT EXISTS (SELECT FROM audit_log           WHERE actor_id = u.id)`.execute(db)
}
