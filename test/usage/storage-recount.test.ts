import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { recountStorage } from '../../src/usage/storage-recount.ts'
import { maintenanceOf } from '../maintenance/maintenance.ts'
import type { TestDatabase } from '../support/database.ts'
import { type Stage, setStage, standStill } from './usage.ts'

let stage: Stage
let database: TestDatabase
beforeEach(async () => {
  stage = await setStage()
  database = stage.database
  await database.pool.query(`
    DELETE FROM companies WHERE id <> 900;
    INSERT INTO storage_folders (id, company_id, name, path, files_count, total_size_bytes) VALUES
      (1, 900, 'Portraits', '/p', 77, 7777), (2, 900, 'By hand', '/h', 3, 300)`)
})
afterEach(() => stage.end())

const recount = () => recountStorage({ ...maintenanceOf(database), db: stage.worker.db })

/** A portrait in a folder, or in none, with videos of these sizes. */
async function insertPortrait(folder: number | null, ...sizes: readonly (number | null)[]): Promise<void> {
  await database.pool.query(
    `WITH portrait AS (
       INSERT INTO portraits (company_id, file_path, storage_folder_id) VALUES (900, '/f', $1) RETURNING id)
     INSERT INTO videos (portrait_id, file_path, size_bytes) SELECT id, '/v', size FROM portrait, unnest($2::integer[]) AS size`,
    [folder, sizes],
  )
}

/** Files and bytes of each folder, and bytes of the company. */
async function figures(): Promise<unknown[]> {
  const { rows } = await database.pool.query<{ says: string }>(`
    SELECT format('folder %s: %s files, %s bytes', id, files_count, total_size_bytes) AS says FROM storage_folders
    UNION ALL SELECT format('company %s: %s bytes', id, storage_used_bytes) FROM companies
    ORDER BY 1 DESC`)
  return rows.map(({ says }) => says)
}

/** Which versions of the rows there are: another one after any write. */
async function versions(): Promise<unknown[]> {
  const { rows } = await database.pool.query(`
    SELECT 'folder', id, xmin::text FROM storage_folders UNION ALL SELECT 'company', id, xmin::text FROM companies
    UNION ALL SELECT entity_type, entity_id, xmin::text FROM fleet.storage_counts ORDER BY 1, 2`)
  return rows
}

test('a folder holds a file for each portrait and video, with the sizes of the videos; a company holds its folders', async () => {
  await insertPortrait(1, 1_000, 2_000, null, -5)
  await insertPortrait(1)
  await recount()
  expect(await figures()).toEqual([
    'folder 2: 3 files, 300 bytes',
    'folder 1: 6 files, 3000 bytes',
    'company 900: 3300 bytes',
  ])
})

test('videos of portraits in no folder count for their company', async () => {
  await insertPortrait(null, 50, 1)
  await recount()
  expect((await figures()).at(-1)).toBe('company 900: 8128 bytes')
})

test('sums go beyond the range of one size', async () => {
  await insertPortrait(1, 2_147_483_647, 2_147_483_647)
  await recount()
  expect((await figures()).at(-1)).toBe('company 900: 4294967594 bytes')
})

test('a recount that finds nothing else writes nothing', async () => {
  await insertPortrait(1, 1_000)
  expect(await recount()).toEqual({ folders: { changed: 1, left: 0 }, companies: { changed: 1, left: 0 } })
  const before = await versions()
  expect(await recount()).toEqual({ folders: { changed: 0, left: 0 }, companies: { changed: 0, left: 0 } })
  expect(await versions()).toEqual(before)
})

describe('what the database holds nothing of', () => {
  test('stays as the platform wrote it', async () => {
    await database.pool.query(`
      INSERT INTO companies (id, name, slug, storage_used_bytes) VALUES (901, 'No folders', 'no', 12345);
      UPDATE storage_folders SET files_count = NULL WHERE id = 2`)
    await insertPortrait(1, null)
    await recount()
    expect(await figures()).toEqual([
      'folder 2:  files, 300 bytes',
      'folder 1: 2 files, 7777 bytes',
      'company 901: 12345 bytes',
      'company 900: 8077 bytes',
    ])
  })

  test('goes to nothing where the fleet wrote it', async () => {
    await insertPortrait(1, 1_000)
    await recount()
    await database.pool.query('DELETE FROM videos')
    await recount()
    expect((await figures()).slice(1)).toEqual(['folder 1: 1 files, 0 bytes', 'company 900: 300 bytes'])
    await database.pool.query('DELETE FROM portraits')
    await recount()
    expect((await figures()).slice(1)).toEqual(['folder 1: 0 files, 0 bytes', 'company 900: 300 bytes'])
    await database.pool.query('DELETE FROM storage_folders')
    await recount()
    expect(await figures()).toEqual(['company 900: 0 bytes'])
    expect(
      (await database.pool.query(`SELECT FROM fleet.storage_counts WHERE entity_type <> 'companies'`)).rowCount,
    ).toBe(0)
  })

  test('is the platform’s again when it has written something else since', async () => {
    await insertPortrait(1, 1_000)
    await recount()
    await database.pool.query(
      'UPDATE storage_folders SET files_count = 9, total_size_bytes = 900 WHERE id = 1; DELETE FROM portraits',
    )
    await recount()
    await recount()
    expect((await figures())[1]).toBe('folder 1: 9 files, 900 bytes')
  })
})

test('a row that the platform is changing is left to the next time, and the rest waits for nobody', async () => {
  await insertPortrait(1, 1_000)
  await insertPortrait(2, 2_000)
  const platform = new pg.Client(database.url)
  await platform.connect()
  await platform.query('BEGIN; UPDATE storage_folders SET files_count = files_count + 1 WHERE id = 2')
  expect(await recount()).toMatchObject({ folders: { changed: 1, left: 1 } })
  await platform.query('COMMIT')
  await platform.end()
  expect((await figures())[0]).toBe('folder 2: 4 files, 300 bytes')
  expect(await recount()).toMatchObject({ folders: { changed: 1, left: 0 } })
  expect((await figures())[0]).toBe('folder 2: 2 files, 2000 bytes')
})

test('what the platform adds while the counting goes on is not lost', async () => {
  await insertPortrait(1, 1_000)
  await recount()
  await insertPortrait(1, 500)
  const counted = await standStill(database, 'public.videos', {
    work: recount,
    meanwhile: `
      INSERT INTO really_videos (portrait_id, file_path, size_bytes) SELECT max(id), '/v', 20 FROM portraits;
      UPDATE storage_folders SET files_count = files_count + 1, total_size_bytes = total_size_bytes + 20 WHERE id = 1`,
  })
  expect(counted).toMatchObject({ folders: { changed: 0, left: 1 } })
  expect((await figures())[1]).toBe('folder 1: 3 files, 1020 bytes')
  await recount()
  expect((await figures())[1]).toBe('folder 1: 5 files, 1520 bytes')
})

test('two recounts at once, and one that is stopped, come to the same', async () => {
  await insertPortrait(1, 1_000)
  await Promise.all([recount(), recount()])
  expect((await figures()).at(-1)).toBe('company 900: 1300 bytes')
  await expect(recountStorage(maintenanceOf(database, AbortSignal.abort()))).rejects.toThrow('aborted')
})
