import { readdir } from 'node:fs/promises'
import { type Kysely, sql } from 'kysely'
import type { Migration, MigrationProvider } from 'kysely/migration'

const folder = new URL('../../migrations/', import.meta.url)
const fileName = /^(\d{14}_\w+)\.ts$/

/** The names of this release's migrations, oldest first. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(folder)
  return files.flatMap((file) => fileName.exec(file)?.[1] ?? []).sort()
}

/** This release's migrations, read from `migrations/`. Each runs in the surroundings that `prepare` describes. */
export const migrationFiles: MigrationProvider = {
  async getMigrations() {
    const names = await migrationNames()
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await load(name)] as const)))
  },
}

async function load(name: string): Promise<Required<Migration>> {
  const file: unknown = await import(new URL(`${name}.ts`, folder).href)
  if (!isReversible(file)) throw new Error(`migrations/${name}.ts exports no up and down`)
  return {
    up: (db) => prepare(db).then(() => file.up(db)),
    down: (db) => prepare(db).then(() => file.down(db)),
  }
}

function isReversible(file: unknown): file is Required<Migration> {
  const { up, down } = file as Partial<Migration>
  return typeof up === 'function' && typeof down === 'function'
}

/**
 * For the length of the migration's transaction: unqualified names mean schema `public`, whatever search path the role has (the rest
 * of which still finds extensions that live elsewhere), and no statement is too slow.
 */
async function prepare<DB>(db: Kysely<DB>): Promise<void> {
  await sql`
    SELECT set_config('search_path', concat_ws(', ', 'public', nullif(current_setting('search_path'), '')), true),
           set_config('statement_timeout', '0', true)`.execute(db)
}
