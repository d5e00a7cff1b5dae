import type pg from 'pg'
import { type PlatformColumn, platformColumns } from './platform-columns.ts'

type Client = pg.Pool | pg.ClientBase

/** The platform's tables in an order in which each refers only to those before it, or to itself. */
export const platformTables = [
  'users',
  'storage_connections',
  'companies',
  'storage_folders',
  'projects',
  'folders',
  'clients',
  'orders',
  'portraits',
  'videos',
  'ar_content',
  'video_rotation_schedules',
  'ar_view_sessions',
  'email_queue',
  'notifications',
  'audit_log',
] as const

const references: readonly (readonly [table: string, column: string, target: string, rule?: 'CASCADE'])[] = [
  ['storage_connections', 'created_by', 'users'],
  ['companies', 'storage_connection_id', 'storage_connections'],
  ['companies', 'created_by', 'users'],
  ['storage_folders', 'company_id', 'companies', 'CASCADE'],
  ['projects', 'company_id', 'companies', 'CASCADE'],
  ['folders', 'project_id', 'projects', 'CASCADE'],
  ['folders', 'parent_id', 'folders'],
  ['clients', 'company_id', 'companies', 'CASCADE'],
  ['orders', 'company_id', 'companies', 'CASCADE'],
  ['orders', 'client_id', 'clients'],
  ['portraits', 'company_id', 'companies', 'CASCADE'],
  ['portraits', 'client_id', 'clients'],
  ['portraits', 'folder_id', 'folders'],
  ['portraits', 'storage_connection_id', 'storage_connections'],
  ['portraits', 'storage_folder_id', 'storage_folders'],
  ['videos', 'portrait_id', 'portraits', 'CASCADE'],
  ['ar_content', 'project_id', 'projects'],
  ['ar_content', 'company_id', 'companies', 'CASCADE'],
  ['ar_content', 'active_video_id', 'videos'],
  ['video_rotation_schedules', 'ar_content_id', 'ar_content', 'CASCADE'],
  ['ar_view_sessions', 'ar_content_id', 'ar_content', 'CASCADE'],
  ['ar_view_sessions', 'project_id', 'projects'],
  ['ar_view_sessions', 'company_id', 'companies', 'CASCADE'],
  ['notifications', 'company_id', 'companies'],
  ['notifications', 'project_id', 'projects'],
  ['notifications', 'ar_content_id', 'ar_content'],
  ['audit_log', 'actor_id', 'users'],
]

const uniques: Readonly<Record<string, string>> = {
  users: 'email',
  storage_connections: 'name',
  orders: 'order_number',
  portraits: 'unique_id',
  ar_content: 'unique_id',
}

/** The indexes that the specification names. */
const indexes = `
  UNIQUE INDEX ix_users_email ON users (email)
  INDEX ix_users_role ON users (role)
  INDEX ix_users_is_active ON users (is_active)
  INDEX ix_users_created_at ON users (created_at)
  UNIQUE INDEX ix_companies_name ON companies (name)
  UNIQUE INDEX ix_companies_slug ON companies (slug)
  INDEX ix_companies_storage_type ON companies (storage_type)
  INDEX ix_companies_is_active ON companies (is_active)
  UNIQUE INDEX ux_projects_company_slug ON projects (company_id, slug)
  INDEX ix_projects_company_id ON projects (company_id)
  INDEX ix_projects_status ON projects (status)
  INDEX ix_projects_subscription_end ON projects (subscription_end)`
  .trim()
  .split(/\n\s*/)

export const specifiedIndexes = indexes.map((index) => /INDEX (\w+)/.exec(index)?.[1] ?? '')

/**
 * Two ways in which installations came about: in one go, each table with its foreign keys and then once more with named ones; or table
 * by table in another order, columns in another order, too, and only the named foreign keys, added last.
 */
export type CreationOrder = 'in one go' | 'bit by bit'

/** What the platform's own migrations make, before the fleet has been there; `tables` where they stopped halfway. */
export async function installPlatform(
  client: Client,
  order: CreationOrder,
  tables: readonly string[] = platformTables,
): Promise<void> {
  const run = (statement: string) => client.query(statement)
  await run(`CREATE EXTENSION IF NOT EXISTS "uuid-ossp"`)
  await run(`CREATE TYPE user_role AS ENUM ('admin', 'manager', 'viewer')`)
  await run(`CREATE TYPE notification_type AS ENUM ('email', 'telegram', 'system', 'sms')`)
  for (const table of order === 'in one go' ? tables : tables.toReversed()) await run(tableStatement(table, order))
  for (const [table, column, target, rule] of references.filter(([table]) => tables.includes(table))) {
    await run(`ALTER TABLE ${table} ADD CONSTRAINT fk_${table}_${column}
      FOREIGN KEY (${column}) REFERENCES ${target} (id) ${rule === undefined ? '' : `ON DELETE ${rule}`}`)
  }
  for (const index of indexes.filter((text) => tables.includes(/ON (\w+)/.exec(text)?.[1] ?? '')))
    await run(`CREATE ${index}`)
  await run(updatedAtFunction)
  for (const table of tables.filter(hasUpdatedAt)) {
    await run(`CREATE TRIGGER update_${table}_updated_at BEFORE UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`)
  }
  if (tables.includes('projects')) for (const view of views) await run(view)
  await run(`CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)`)
  await run(`INSERT INTO alembic_version VALUES ('20251218_initial')`)
}

function tableStatement(table: string, order: CreationOrder): string {
  const columns = platformColumns.filter((column) => column.table === table)
  const lines = (order === 'in one go' ? columns : columns.toReversed()).map((column) => {
    const [, , target, rule] = references.find(([t, c]) => t === table && c === column.column) ?? []
    const reference =
      target === undefined ? '' : `REFERENCES ${target} (id) ${rule === undefined ? '' : `ON DELETE ${rule}`}`
    return `${columnDefinition(column)} ${order === 'in one go' ? reference : ''}`
  })
  const unique = uniques[table] === undefined ? [] : [`UNIQUE (${uniques[table]})`]
  return `CREATE TABLE ${table} (${[...lines, ...unique].join(', ')})`
}

function columnDefinition({ column, type, nullable, default: fallback }: PlatformColumn): string {
  if (column === 'id') return 'id serial PRIMARY KEY'
  return `${column} ${type} ${nullable === 'NO' ? 'NOT NULL' : ''} ${fallback === '' ? '' : `DEFAULT ${fallback}`}`
}

function hasUpdatedAt(table: string): boolean {
  return platformColumns.some((column) => column.table === table && column.column === 'updated_at')
}

const updatedAtFunction = `
  CREATE OR REPLACE FUNCTION update_updated_at_column()
  RETURNS TRIGGER AS $$
  BEGIN
      NEW.updated_at = now();
      RETURN NEW;
  END;
  $$ language 'plpgsql'`

const views = [
  `CREATE VIEW active_projects AS
   SELECT p.*, c.name as company_name
   FROM projects p
   JOIN companies c ON p.company_id = c.id
   WHERE p.status = 'active' AND c.is_active = true`,
  `CREATE VIEW expiring_subscriptions AS
   SELECT
       'projects' as entity_type,
       p.id as entity_id,
       p.name as entity_name,
       p.subscription_end,
       c.name as company_name,
       CASE
           WHEN p.subscription_end <= now() THEN 'expired'
           WHEN p.subscription_end <= now() + interval '24 hours' THEN 'expires_today'
           WHEN p.subscription_end <= now() + interval '7 days' THEN 'expires_soon'
           ELSE 'active'
       END as urgency
   FROM projects p
   JOIN companies c ON p.company_id = c.id
   WHERE p.subscription_end IS NOT NULL
     AND p.subscription_end <= now() + interval '7 days'
     AND p.status = 'active'
     AND c.is_active = true`,
]
