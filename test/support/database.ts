import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import { workerUrl } from './worker-login.ts'

export interface TestDatabase extends Database {
  readonly url: string
  /** The same database, as a user who may do no more than a worker does. */
  readonly workerUrl: string
  /** Closes the pool and drops the database with whoever is still connected. */
  drop(): Promise<void>
}

/** A database of its own with the whole schema and its default data, cloned from the template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return create(inject('adminUrl'), `TEMPLATE ${inject('templateDatabase')} STRATEGY file_copy`)
}

/** A database without any schema, on the shared cluster or on another one. */
export async function createEmptyTestDatabase(adminUrl = inject('adminUrl')): Promise<TestDatabase> {
  return create(adminUrl, 'TEMPLATE template0')
}

async function create(adminUrl: string, clause: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(adminUrl, (admin) => retryWhileBusy(() => admin.query(`CREATE DATABASE ${name} ${clause}`)))
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  const database = connectDatabase({ url: url.href, applicationName: 'fleet-test' })
  return {
    url: url.href,
    workerUrl: workerUrl(url.href),
    ...database,
    async drop() {
      await database.close()
      await asAdmin(adminUrl, (admin) => dropDatabase(admin, name))
    },
  }
}

async function asAdmin(adminUrl: string, act: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await act(admin)
  } finally {
    await admin.end()
  }
}

/** With whoever is connected; PostgreSQL 12 cannot say so in one statement. */
async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ major: number }>(
    `SELECT current_setting('server_version_num')::integer / 10000 AS major`,
  )
  const canForce = (rows[0]?.major ?? 0) >= 13
  if (!canForce) await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
  await admin.query(`DROP DATABASE IF EXISTS ${name} ${canForce ? 'WITH (FORCE)' : ''}`)
}

/** 55006: somebody, an autovacuum worker perhaps, is in the template at this moment. */
async function retryWhileBusy(act: () => Promise<unknown>, retries = 10): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== '55006' || retries === 0) throw error
    await retryWhileBusy(act, retries - 1)
  }
}
