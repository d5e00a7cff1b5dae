import type pg from 'pg'
import { type PlatformColumn, platformColumns } from './platform-columns.ts'
import { platformTables } from './platform-installation.ts'

type Client = pg.Pool | pg.ClientBase

/** Mail that waits, has ended, or has words and numbers that nobody documented. The last two wait for a time to come. */
const mails: readonly Readonly<Record<string, string | number | null>>[] = [
  { status: 'pending' },
  { status: 'pending', priority: null, attempts: null, max_attempts: null, variables: null, created_at: null },
  { status: 'pending', priority: -4, attempts: -1, scheduled_at: '2024-05-01 10:00' },
  { status: null, priority: 99, max_attempts: 0 },
  { status: 'sending', attempts: 7 },
  { status: 'queued', priority: 0 },
  { status: 'held' },
  { status: 'expired' },
  { status: 'sent', sent_at: '2025-01-01 10:00' },
  { status: 'failed', attempts: 3, last_error: 'never implemented' },
  { status: 'cancelled' },
  { status: 'pending', scheduled_at: '2999-05-01 10:00', priority: 11, max_attempts: null },
  { status: null, scheduled_at: '2999-05-01 10:00', attempts: null },
]

/** Notices that wait, in the application and elsewhere, have ended, or have words that nobody documented. */
const notices: readonly Readonly<Record<string, string | null>>[] = [
  { type: 'email', status: 'pending' },
  { type: 'telegram', status: 'pending', priority: 'urgent' },
  { type: 'sms', status: null, priority: null },
  { type: 'email', status: 'sending', priority: 'Low' },
  { type: 'push', status: 'pending' },
  { type: 'system', status: 'pending' },
  { type: 'system', status: null },
  { type: 'email', status: 'sent' },
  { type: 'system', status: 'failed' },
  { type: 'email', status: 'cancelled' },
  { type: 'email', status: 'held' },
  { type: 'email', status: 'expired' },
  { type: 'email', status: 'skipped' },
  { type: 'email', status: 'queued' },
]

/** Three rows in every table: all columns filled, NULL wherever one is allowed, and with words outside what is documented. */
export async function fillPlatform(client: Client, tables: readonly string[] = platformTables): Promise<void> {
  for (const table of tables) {
    for (const row of [1, 2, 3]) await client.query(insertStatement(table, row))
  }
  if (tables.includes('email_queue')) {
    for (const mail of mails) {
      await insert(client, 'email_queue', {
        recipient_to: 'boris@example.com',
        subject: 'Hello',
        body: 'Hello, Boris',
        ...mail,
      })
    }
  }
  if (tables.includes('notifications')) for (const notice of notices) await insert(client, 'notifications', notice)
}

async function insert(
  client: Client,
  table: string,
  row: Readonly<Record<string, string | number | null>>,
): Promise<void> {
  const names = Object.keys(row)
  await client.query(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  )
}

/** A checksum over the platform's columns of every row, by table. */
export async function checksums(
  client: Client,
  tables: readonly string[] = platformTables,
): Promise<Record<string, string>> {
  const sums: Record<string, string> = {}
  for (const table of tables) {
    const columns = platformColumns.filter((column) => column.table === table).map(({ column }) => column)
    const { rows } = await client.query<{ sum: string }>(
      `SELECT count(*) || ' ' || md5(coalesce(string_agg(ROW(${columns.join(', ')})::text, E'\\n' ORDER BY id), '')) AS sum FROM ${table}`,
    )
    sums[table] = rows[0]?.sum ?? ''
  }
  return sums
}

function insertStatement(table: string, row: number): string {
  const columns = platformColumns.filter((column) => column.table === table && column.column !== 'id')
  const values = columns.map((column) => (row === 2 && column.nullable === 'YES' ? 'NULL' : value(column, row)))
  return `INSERT INTO ${table} (${columns.map(({ column }) => column).join(', ')}) VALUES (${values.join(', ')})`
}

function value({ table, column, type }: PlatformColumn, row: number): string {
  if (table === 'email_queue' && column === 'status') return `'sent'`
  if (/(_id|created_by)$/.test(column) && type === 'integer') return '1'
  switch (type.replace(/\(.*/, '')) {
    case 'integer':
    case 'bigint':
    case 'numeric':
      return String(row === 3 ? -99 : row)
    case 'boolean':
      return String(row === 1)
    case 'jsonb':
      return `'{"row": ${row}, "ключ": "значение"}'`
    case 'uuid':
      return `md5('${table} ${row}')::uuid`
    case 'user_role':
      return `'manager'`
    case 'text[]':
    case 'int4[]':
      return `'{1, 2, ${row}}'`
    case 'time without time zone':
      return `'09:3${row}'`
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return `'2026-0${row}-15 10:00:00.123456'`
    default:
      return `'${column} ${row}'`
  }
}
