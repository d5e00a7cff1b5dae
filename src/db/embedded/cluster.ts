import { lchown, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'

/** One PostgreSQL on this machine: its programs, who runs them, and where its files are. */
export interface Cluster {
  readonly binaries: Binaries
  readonly account: Account | undefined
  /** Holds the data directory and the log; belongs to the account. */
  readonly directory: string
  /** Further settings of postgresql.conf, for tests. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** The superuser and, beside `postgres`, the database of every embedded cluster. */
export const FLEET = 'fleet'

export function dataDirectory(cluster: Pick<Cluster, 'directory'>): string {
  return join(cluster.directory, 'postgres')
}

export function logFile(cluster: Pick<Cluster, 'directory'>): string {
  return join(cluster.directory, 'postgres.log')
}

/** A connection string for the superuser; loopback is the only way in. Says `sslmode`, lest PGSSLMODE decide. */
export function clusterUrl(server: { port: number; password: string }, database: string): string {
  return `postgres://${FLEET}:${server.password}@127.0.0.1:${server.port}/${database}?sslmode=disable`
}

/** Gives a file or folder that this process made to the account, where there is one. */
export async function handOver(path: string, account: Account | undefined): Promise<void> {
  if (account) await lchown(path, account.uid, account.gid)
}

/**
 * Puts a file in place at once and whole, readable by the account only. What may lie under that name is replaced, never
 * followed: in a folder of the account's, a link could lead a process of root's anywhere.
 */
export async function placeFile(path: string, text: string, account: Account | undefined): Promise<void> {
  const partial = `${path}.partial`
  await rm(partial, { force: true })
  await writeFile(partial, text, { flag: 'wx', mode: 0o600 })
  await handOver(partial, account)
  await rename(partial, path)
}
