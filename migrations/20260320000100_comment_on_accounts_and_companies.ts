import { type Kysely, sql } from 'kysely'

/**
 * What every table and column holds, for whoever looks at the database: this file and the next ones say it by domain. A comment that
 * the platform made before stays, and `down` takes back only what these files say.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on each table, briefly; readers and writers go on.
 */

// The empty name stands for the table itself.
const tables = {
  'public.users': {
    '': 'People who may log in to the platform.',
    id: 'Number of the user.',
    email: 'Address that the user logs in with; unique.',
    hashed_password:
      'bcrypt hash of the password; the default administrator has one that no password matches until one is set.',
    full_name: 'Name as the platform shows it.',
    role: 'What the user may do: admin, manager or viewer.',
    is_active: 'False for a user who may not log in.',
    last_login_at: 'When the user logged in last; NULL before the first time.',
    created_at: 'When the row was inserted.',
    updated_at: 'When the row was changed last; kept by a trigger.',
    login_attempts: 'Failed logins since the last good one.',
    locked_until: 'No login before this moment; NULL where the user is not locked out.',
  },
  'public.storage_connections': {
    '': 'Where files are kept: a local disk, MinIO or Yandex Disk.',
    id: 'Number of the connection.',
    name: 'Name that people know it by; unique.',
    provider: 'local_disk, minio or yandex_disk.',
    credentials: 'What the provider wants for access, by name; secret.',
    base_path: 'Folder under which everything lies; NULL for the provider’s root.',
    is_default: 'True for the connection of companies that name none.',
    is_active: 'False for a connection that is not to be used.',
    last_tested_at: 'When the platform tried it last, in UTC; NULL where it never did.',
    test_status: 'What the last trial came to; NULL where there was none.',
    test_error: 'What went wrong in the last trial; NULL where nothing did.',
    metadata: 'Whatever else the platform keeps about it.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
    created_by: 'The user who made it; NULL where nobody did.',
  },
  'public.companies': {
    '': 'The customers, each with its projects, clients and files.',
    id: 'Number of the company, and what app.company_id of its sessions is set to.',
    name: 'Name of the company; unique.',
    slug: 'Name in addresses; unique.',
    contact_email: 'Where e-mail to the company goes; NULL where it gets none.',
    contact_phone: 'Telephone number as it was typed; NULL where none is known.',
    telegram_chat_id:
      'Id of the user, group or channel that Telegram messages go to, as text; NULL where it gets none.',
    storage_type: 'How its files are kept: local, minio or yandex_disk.',
    yandex_disk_folder_id: 'Its folder on Yandex Disk; NULL where it has none.',
    content_types: 'What it may make, separated by commas; NULL for no limit.',
    backup_provider: 'Where copies of its files go; NULL where none are made.',
    backup_remote_path: 'Folder of the copies at that provider.',
    storage_connection_id: 'Where its files are kept; NULL for the default connection.',
    storage_path: 'Its folder there; NULL where the platform chooses.',
    subscription_tier: 'What it pays for: basic and others.',
    storage_quota_gb: 'How much it may keep, in GB of 1,073,741,824 bytes; NULL or 0 for no limit.',
    storage_used_bytes: 'How much it keeps, in bytes; recounted every night.',
    projects_limit: 'How many projects it may have.',
    subscription_expires_at: 'When its own subscription ends, in UTC; NULL for no end.',
    is_active: 'False for a company that is switched off: no notices are sent about it.',
    is_default: 'True for the company that new things belong to unless another is named.',
    notes: 'What the staff wrote down about it.',
    metadata: 'Whatever else the platform keeps about it.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
    created_by: 'The user who made it; NULL where nobody did.',
    locale: 'The language that it is written to, ru or en; NULL for DEFAULT_LOCALE.',
    timezone: 'Where it is, as an IANA name such as Europe/Moscow; NULL for DEFAULT_TIMEZONE.',
    quiet_from: 'From when, on its clock, nothing but urgent notices is sent; NULL for no quiet hours.',
    quiet_until: 'Until when; before quiet_from where the quiet hours go over midnight.',
  },
  'public.storage_folders': {
    '': 'Folders that a company’s files lie in.',
    id: 'Number of the folder.',
    company_id: 'The company whose files it holds.',
    name: 'Name that people see.',
    path: 'Where it lies at the storage provider.',
    folder_type: 'portraits, videos, markers or custom; NULL where that was not said.',
    files_count: 'How many files it holds; recounted every night.',
    total_size_bytes: 'Size of all its files, in bytes, as far as the database knows it; recounted every night.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
}

export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.comment_on(relation regclass, texts jsonb, keep boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      part record;
    BEGIN
      FOR part IN
        SELECT CASE WHEN t.key = '' THEN CASE c.relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || relation
                    ELSE format('COLUMN %s.%I', relation, t.key) END AS target,
               CASE WHEN t.key = '' THEN obj_description(c.oid, 'pg_class') ELSE col_description(c.oid, a.attnum) END AS present,
               t.value AS text
          FROM pg_class c
         CROSS JOIN jsonb_each_text(texts) t
          LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = t.key
         WHERE c.oid = relation
      LOOP
        IF keep AND part.present IS NULL THEN
          EXECUTE format('COMMENT ON %s IS %L', part.target, part.text);
        ELSIF NOT keep AND part.present = part.text THEN
          EXECUTE format('COMMENT ON %s IS NULL', part.target);
        END IF;
      END LOOP;
    END $$`.execute(db)
  await sql`
    COMMENT ON FUNCTION fleet.comment_on(regclass, jsonb, boolean)
    IS 'Comments on a table or view ('''') and its columns where they have no comment yet, or takes the same comments back.'`.execute(
    db,
  )
  await sql`REVOKE EXECUTE ON FUNCTION fleet.comment_on(regclass, jsonb, boolean) FROM PUBLIC`.execute(db)
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, true)`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, false)`.execute(db)
  }
  await sql`DROP FUNCTION fleet.comment_on(regclass, jsonb, boolean)`.execute(db)
}
