import { readdir } from 'node:fs/promises'
import type { Migration } from 'kysely/migration'

/** What a file in `migrations/` exports. */
export interface MigrationFile extends Required<Migration> {
  /** False where its statements cannot run inside a transaction; then each of them may be repeated. Default: true. */
  readonly transaction?: boolean
  /** Stands for its statements in the checksum, where they are not its own text but made by a library. */
  readonly fingerprint?: string
  /** The tables, with their schema unless it is `public`, that `down` drops with the rows they hold. */
  readonly drops?: readonly string[]
}

const folder = new URL('../../migrations/', import.meta.url)
const fileName = /^(\d{14}_\w+)\.ts$/

/** The names of this release's migrations, oldest first. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(folder)
  return files.flatMap((file) => fileName.exec(file)?.[1] ?? []).sort()
}

export async function loadMigrationFile(name: string): Promise<MigrationFile> {
  const file: unknown = await import(new URL(`${name}.ts`, folder).href)
  if (!isReversible(file)) throw new Error(`migrations/${name}.ts exports no up and down`)
  return file
}

function isReversible(file: unknown): file is MigrationFile {
  const { up, down } = file as Partial<MigrationFile>
  return typeof up === 'function' && typeof down === 'function'
}
