import { join } from 'node:path'
import type { Contestant } from './contestant.ts'
import { fleet } from './fleet.ts'
import { peer } from './peer.ts'

const unfinishedGraphileJobs = 'SELECT count(*)::int AS left FROM graphile_worker._private_jobs'

/** Who competes, in the order of the runs. */
export const lineup = {
  fleet: fleet({ name: 'fleet, 1 process', processes: 1 }),
  fleetOfTwo: fleet({ name: 'fleet, 2 processes', processes: 2 }),
  withoutLedger: fleet({
    name: 'fleet, 1 process, its ledger taken out',
    processes: 1,
    execArgv: ['--import', join(import.meta.dirname, '../preload/without-ledger.ts')],
  }),
  nodemailer: peer({ name: 'nodemailer pool, no database', script: 'nodemailer.ts' }),
  pgBoss: peer({
    name: 'pg-boss, a job per mail',
    script: 'pg-boss.ts',
    unrecorded: `SELECT count(*)::int AS left FROM pgboss.job WHERE name = 'mail' AND state <> 'completed'`,
  }),
  graphileWorker: peer({
    name: 'graphile-worker, a job per mail, at its best',
    script: 'graphile-worker.ts',
    variant: 'best',
    unrecorded: unfinishedGraphileJobs,
  }),
  graphileWorkerPlain: peer({
    name: 'graphile-worker, a job per mail',
    script: 'graphile-worker.ts',
    unrecorded: unfinishedGraphileJobs,
  }),
} satisfies Record<string, Contestant>

export type ContestantKey = keyof typeof lineup
