import { rm } from 'node:fs/promises'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { chooseAccount } from '../../src/db/embedded/account.ts'
import { locateBinaries } from '../../src/db/embedded/binaries.ts'
import { type Cluster, clusterUrl, dataDirectory } from '../../src/db/embedded/cluster.ts'
import { ensureData } from '../../src/db/embedded/data-directory.ts'
import { locateRunnable } from '../../src/db/embedded/location.ts'
import { startPostmaster, stopPostmaster } from '../../src/db/embedded/postmaster.ts'
import { migrateUp } from '../../src/db/migrator.ts'
import { connectDatabase } from '../../src/db/pool.ts'
import { makeTemporaryFolder, removeLeftovers } from './temporary-folder.ts'
import { createWorkerLogin } from './worker-login.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL of the cluster that all test files share. */
    adminUrl: string
    /** The migrated database on it that `createTestDatabase` clones. */
    templateDatabase: string
  }
}

export interface TestCluster {
  /** The superuser's URL of the database `postgres`; it stays the same over restarts. */
  readonly adminUrl: string
  readonly dataDirectory: string
  /** Ends all sessions and returns when the server has stopped. */
  stop(): Promise<void>
  /** Starts the server again on the same port. */
  start(): Promise<void>
  /** Stops the server and removes its files. */
  remove(): Promise<void>
}

type Major = 12 | 13 | 18

export interface TestClusterOptions {
  /** 12 is the oldest PostgreSQL that migrates, 13 the oldest that workers run on. */
  major?: Major
  /** On a disk, with PostgreSQL's own settings for durability; otherwise in memory and without fsync. */
  durable?: boolean
  /** Lines of postgresql.conf. */
  settings?: Record<string, string | number>
}

const TEMPLATE = 'fleet_template'
const CHEAP = { fsync: 'off', max_wal_size: '256MB' }

/** Vitest's global set-up: one cluster for the whole run, whatever DATABASE_URL and `.env` say. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const cluster = await startCluster()
  try {
    await makeTemplate(cluster.adminUrl)
    await createWorkerLogin(cluster.adminUrl)
  } catch (error) {
    await cluster.remove()
    throw error
  }
  project.provide('adminUrl', cluster.adminUrl)
  project.provide('templateDatabase', TEMPLATE)
  return () => cluster.remove()
}

/** A PostgreSQL of its own in a temporary folder, for tests that stop it or want another version or other settings. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const account = await chooseAccount([])
  const binaries = await locateRunnable(account, packageOf(options.major ?? 18))
  const { durable = false } = options
  const directory = await makeTemporaryFolder({ onDisk: durable })
  const settings = { max_connections: 200, ...(durable ? {} : CHEAP), ...options.settings }
  const cluster: Cluster = { binaries, account, directory, settings }
  const remove = async () => {
    await stopPostmaster(cluster)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const password = await ensureData(cluster)
    const { port } = await startPostmaster(cluster)
    return {
      adminUrl: clusterUrl({ port, password }, 'postgres'),
      dataDirectory: dataDirectory(cluster),
      stop: () => stopPostmaster(cluster),
      start: async () => void (await startPostmaster(cluster, port)),
      remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Whether that version's package is installed: for the oldest it exists on fewer platforms than for the newest. */
export async function hasMajor(major: Major): Promise<boolean> {
  return locateBinaries(packageOf(major)).then(
    () => true,
    () => false,
  )
}

async function makeTemplate(adminUrl: string): Promise<void> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`CREATE DATABASE ${TEMPLATE}`)
    const url = new URL(adminUrl)
    url.pathname = `/${TEMPLATE}`
    const database = connectDatabase({ url: url.href, applicationName: 'fleet-template' })
    await migrateUp(database.db).finally(database.close)
    // Cloning would wait for whoever is connected.
    await admin.query(`ALTER DATABASE ${TEMPLATE} WITH ALLOW_CONNECTIONS false`)
  } finally {
    await admin.end()
  }
}

function packageOf(major: Major): string | undefined {
  return major !== 18 ? `postgres-${major}-${process.platform}-${process.arch}` : undefined
}
