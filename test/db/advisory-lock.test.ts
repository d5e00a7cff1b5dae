import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { tryAdvisoryLock, withAdvisoryLock } from '../../src/db/advisory-lock.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyTestDatabase()
})

afterAll(() => database.drop())

test('only one at a time is inside, be it by a pool or by a connection of its own', async () => {
  let inside = 0
  const seen: number[] = []
  const enter = async () => {
    inside += 1
    seen.push(inside)
    await database.pool.query('SELECT pg_sleep(0.01)')
    inside -= 1
  }
  const { pool, url } = database
  await Promise.all([pool, url, pool, url].map((source) => withAdvisoryLock(source, 'one', enter)))
  expect(seen).toEqual([1, 1, 1, 1])
})

test('trying returns null while it is held, and does the work when it is free', async () => {
  const held = await withAdvisoryLock(database.pool, 'two', async () => [
    await tryAdvisoryLock(database.url, 'two', async () => 'inside'),
    await tryAdvisoryLock(database.url, 'another', async () => 'inside'),
  ])
  expect(held).toEqual([null, 'inside'])
  expect(await tryAdvisoryLock(database.pool, 'two', async () => 'inside')).toBe('inside')
})

test('an error inside comes out, and the lock is free', async () => {
  const failing = withAdvisoryLock(database.pool, 'three', () => Promise.reject(new Error('inside')))
  await expect(failing).rejects.toThrow('inside')
  expect(await tryAdvisoryLock(database.url, 'three', async () => 'free')).toBe('free')
})

test.each(['pool', 'url'] as const)(
  'losing the connection (by %s) is told to the work and frees the lock',
  async (kind) => {
    const outcome = await withAdvisoryLock(database[kind], 'four', async (lost) => {
      await database.pool.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
      await vi.waitFor(() => expect(lost.aborted).toBe(true))
      return tryAdvisoryLock(database.url, 'four', async () => 'free')
    })
    expect(outcome).toBe('free')
  },
)

test('who waits does not stand in the way of an index built concurrently under the lock', async () => {
  await database.pool.query('CREATE TABLE things (id int)')
  let waiting: Promise<string> | undefined
  await withAdvisoryLock(database.url, 'five', async () => {
    waiting = withAdvisoryLock(database.pool, 'five', async () => 'next')
    await database.pool.query('CREATE INDEX CONCURRENTLY ON things (id)')
  })
  expect(await waiting).toBe('next')
})
