import type pg from 'pg'
import { migrationNames } from '../../src/db/migration-files.ts'
import { migrateTo } from '../../src/db/migrator.ts'
import type { TestDatabase } from '../support/database.ts'

const first = '20260301000100_create_search_functions'
/** The last migration of the search. */
const searchable = '20260301000600_create_search'

/** Words of which each is in about one name out of fifteen, and in one description out of three. */
const words = `
  Музей Галерея Студия Выставка Театр Школа Завод Парк Портрет Картина Свадьба Юбилей Невский Красная Площадь Центр Событие Реклама
  Туризм Книга Studio Gallery Running Wedding Portrait Museum Digital Print Event Festival`
  .trim()
  .split(/\s+/)

/**
 * Migrates an empty database as far as the search, with `count` companies, projects, clients and portraits in it before the
 * indexes are made. Each name ends in a number of its own.
 */
export async function fillForSearch({ db, pool }: TestDatabase, count: number): Promise<void> {
  const names = await migrationNames()
  await migrateTo(db, names[names.indexOf(first) - 1] ?? '')
  const client = await pool.connect()
  await client.query('SET statement_timeout = 0')
  await insertRows(client, count)
  await migrateTo(db, searchable)
  await client.query('VACUUM ANALYZE companies, projects, clients, portraits')
  client.release(true)
}

async function insertRows(client: pg.PoolClient, count: number): Promise<void> {
  await client.query(`
    CREATE FUNCTION pg_temp.word(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT ('{${words.join(',')}}'::text[])[1 + abs(hashint8(n)) % ${words.length}] $$`)
  const rows = `generate_series(1, ${count}) AS n`
  await client.query('TRUNCATE companies RESTART IDENTITY CASCADE')
  await client.query(`
    INSERT INTO companies (name, slug)
    SELECT format('%s %s %s', pg_temp.word(n), pg_temp.word(n * 7 + 1), n), n FROM ${rows}`)
  await client.query(`
    INSERT INTO projects (company_id, name, slug, description)
    SELECT 1 + n % 1000, format('%s %s %s', pg_temp.word(n * 3), pg_temp.word(n * 5 + 2), n), n,
           (SELECT string_agg(pg_temp.word(n * 13 + i), ' ') FROM generate_series(1, 12) AS i) FROM ${rows}`)
  await client.query(`
    INSERT INTO clients (company_id, name)
    SELECT 1 + n % 1000, format('%s %s %s', pg_temp.word(n * 17), pg_temp.word(n * 19), n) FROM ${rows}`)
  await client.query(`
    INSERT INTO portraits (company_id, unique_id, file_path, public_url)
    SELECT 1 + n % 1000, format('00000000-0000-4000-8000-%s', lpad(to_hex(n), 12, '0'))::uuid, path, 'https://cdn.example.com' || path
      FROM (SELECT n, format('/content/%s/%s_%s-%s.jpg', n % 1000, pg_temp.word(n * 23), pg_temp.word(n * 29), n) AS path FROM ${rows}) AS made`)
}
