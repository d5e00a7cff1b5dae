import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { PeerReport, PeerTask } from './compete.ts'
import type { Contestant, Entered, Ring } from './contestant.ts'

export interface PeerOptions {
  readonly name: string
  /** A file of this folder, run as a process of its own. */
  readonly script: string
  /** An argument for it. */
  readonly variant?: string
  /** Counts the outcomes that are still missing; left out where nothing is recorded. */
  readonly unrecorded?: string
}

/** Somebody else's way to send mails, in a process of its own. Its jobs are in the database before it starts. */
export function peer(options: PeerOptions): Contestant {
  return { name: options.name, enter: (ring) => enter(ring, options) }
}

async function enter(ring: Ring, { name, script, variant = '', unrecorded }: PeerOptions): Promise<Entered> {
  const { arena, sink, connections, mails } = ring
  const database = await arena.createEmptyDatabase()
  const task: PeerTask = { databaseUrl: database.url, smtpUrl: sink.url, connections, mails }
  const child = fork(join(import.meta.dirname, script), [JSON.stringify(task), variant])
  const exit = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  const ended = exit.then((): never => {
    throw new Error(`${name} ended by itself`)
  })
  ended.catch(() => {})
  const { settings } = await Promise.race([reported(child), ended])
  if (unrecorded !== undefined) {
    await database.pool.query('SET statement_timeout = 0')
    await database.pool.query('VACUUM ANALYZE')
  }
  await database.pool.query('CHECKPOINT')
  return {
    settings,
    async go() {
      child.send('go')
    },
    async unrecorded() {
      if (unrecorded === undefined) return 0
      const { rows } = await database.pool.query<{ left: number }>(unrecorded)
      return rows[0]?.left ?? 0
    },
    async leave() {
      child.disconnect()
      await exit
      await database.drop()
    },
  }
}

function reported(child: ChildProcess): Promise<PeerReport> {
  return new Promise((resolve) => void child.once('message', (report: PeerReport) => resolve(report)))
}
