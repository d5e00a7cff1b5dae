import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import type { Alert } from './alert.ts'
import { claimLook, endLook, forgetOldAlerts, listAlerts, markTold, saveAlerts } from './alert-store.ts'
import type { TextSettings } from './alert-text.ts'
import { assess } from './assess.ts'
import { readFacts } from './facts-store.ts'
import { findAll, type Limits } from './findings.ts'
import { recordGrowth } from './sample-store.ts'
import { tellAll } from './tell-all.ts'
import type { Teller } from './tellers.ts'

export interface LookOptions {
  readonly database: Pick<Database, 'db'>
  readonly looker: string
  readonly limits: Limits
  readonly tellers: readonly Teller[]
  readonly settings: TextSettings
  /** Another look, by whomever, is at least so long ago. */
  readonly leastSeconds: number
  readonly log: Logger
}

/** Longer than a look can take. */
const leaseSeconds = 90

/**
 * Looks for all that is wrong, writes down what has begun and what is over, and then tells it. Undefined where another process looks, or
 * has looked just now; else the alerts that last, and those that have been over for a day at most. What is told is written down after it
 * was taken: a crash in between tells it again.
 */
export async function look(options: LookOptions): Promise<readonly Alert[] | undefined> {
  const { database, looker, leastSeconds } = options
  const { db } = database
  if (!(await claimLook(db, { looker, leaseSeconds, leastSeconds }))) return undefined
  try {
    return await lookNow(options)
  } finally {
    await endLook(db, looker)
  }
}

async function lookNow({ database, limits, tellers, settings, log }: LookOptions): Promise<readonly Alert[]> {
  const { db } = database
  const facts = await readFacts(db)
  const { now } = facts
  await recordGrowth(db, facts.queues)
  const known = await listAlerts(db)
  const saved = await saveAlerts(db, assess({ findings: findAll(facts, limits), known, now }))
  await forgetOldAlerts(db)
  const told = await tellAll({
    ...{ alerts: [...saved, ...known.filter(({ overAt }) => overAt !== null)], tellers, settings, now, log },
    onTold: async ({ id }, channel, record) => {
      if (id !== undefined) await markTold(db, id, channel, record)
    },
  })
  return told
}
