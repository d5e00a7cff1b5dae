import type { MigrationScript } from './migration-script.ts'

/**
 * How long DDL waits for a table that somebody else uses. Whoever wants the table meanwhile queues up behind it: no writer is to wait
 * longer than a second because of a migration, so it gives up and tries again instead.
 */
const lockTimeoutMs = 800

/** What a migration is surrounded with, the same whether the runner executes it or a file holds it. */
export interface MigrationFrame {
  /** For the length of the transaction, or else until `after`. */
  readonly before: readonly string[]
  readonly statements: readonly string[]
  readonly after: readonly string[]
}

/** The statements of one migration, one way, with its bookkeeping. */
export function frameMigration(script: MigrationScript, direction: 'up' | 'down'): MigrationFrame {
  const { name, checksum, transaction, isFirst } = script
  return {
    before: transaction ? settings('LOCAL') : settings('SESSION'),
    statements:
      direction === 'up'
        ? [...(isFirst ? [createBookkeeping] : []), ...script.up, noteApplied(name, checksum)]
        : [...script.down, noteReverted(name), ...(isFirst ? [dropBookkeeping] : [])],
    after: transaction ? [] : resets,
  }
}

/** What a database or role may have set otherwise, and what the text of a statement or a definition depends on. */
const pinned = {
  statement_timeout: '0',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  IntervalStyle: 'postgres',
} as const

const resets = ['search_path', 'lock_timeout', ...Object.keys(pinned)].map((name) => `RESET ${name}`)

/**
 * Unqualified names mean schema `public`, whatever search path the role has (the rest of which still finds extensions that live
 * elsewhere), and no statement is too slow. Outside a transaction no lock is worth a timeout: what runs there, CREATE INDEX
 * CONCURRENTLY, waits for others without holding them up.
 */
function settings(scope: 'LOCAL' | 'SESSION'): string[] {
  return [
    `SET ${scope} lock_timeout = ${scope === 'LOCAL' ? `'${lockTimeoutMs}ms'` : '0'}`,
    ...Object.entries(pinned).map(([name, value]) => `SET ${scope} ${name} = ${value}`),
    // Qualified: whoever may create functions in public could have one of the same name there.
    `DO $$ BEGIN
  PERFORM pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'public',
    CASE WHEN pg_catalog.length(pg_catalog.current_setting('search_path')) OPERATOR(pg_catalog.>) 0
         THEN pg_catalog.current_setting('search_path') END), ${scope === 'LOCAL'});
END $$`,
  ]
}

const schemaComment = `The fleet''s own tables, views, functions and bookkeeping.`

/** In the first migration's own transaction, so that a failure leaves nothing. */
export const createBookkeeping = `DO $$ BEGIN
  IF to_regnamespace('fleet') IS NULL THEN
    CREATE SCHEMA fleet;
    COMMENT ON SCHEMA fleet IS '${schemaComment}';
  END IF;
  IF to_regclass('fleet.migrations') IS NULL THEN
    CREATE TABLE fleet.migrations (
      name       text        PRIMARY KEY,
      checksum   text        NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      applied_by text        NOT NULL DEFAULT current_user);
  END IF;
END $$`

/** The schema stays where it was before the fleet came, or where others have put something into it. */
const dropBookkeeping = `DO $$ BEGIN
  DROP TABLE fleet.migrations;
  IF obj_description('fleet'::regnamespace, 'pg_namespace') = '${schemaComment}' THEN
    BEGIN
      DROP SCHEMA fleet;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE NOTICE 'schema fleet stays: %', SQLERRM;
    END;
  END IF;
END $$`

/** Both are constants of the release: a name that its file has, and hexadecimal digits. */
export function noteApplied(name: string, checksum: string): string {
  return `INSERT INTO fleet.migrations (name, checksum) VALUES ('${name}', '${checksum}')`
}

export function noteReverted(name: string): string {
  return `DELETE FROM fleet.migrations WHERE name = '${name}'`
}
