import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import type { DB } from '../db/schema.ts'
import { databaseNow } from '../ops/clock.ts'
import { claimDuty, type DutyOrder, endDuty, forgetOldAlerts, listAlerts, markTold, saveAlerts } from './alert-store.ts'
import type { TextSettings } from './alert-text.ts'
import { assess, messageDue } from './assess.ts'
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

/** Longer than a look can take, or telling what is due. */
const leaseSeconds = 90

/**
 * Looks for all that is wrong, and writes down what has begun and what is over, unless another process looks, or has looked just now; then
 * tells by its own channels what is due there, whoever has looked: another may be configured with other channels, or reach none of them.
 * What is told is written down after it was taken: a crash in between tells it again. Answers whether it has looked.
 */
export async function look(options: LookOptions): Promise<boolean> {
  const { looker: worker, leastSeconds, tellers } = options
  const { db } = options.database
  const hasLooked = await onDuty(db, { duty: 'look', worker, leaseSeconds, leastSeconds }, () => assessNow(options))
  const [alerts, now] = [await listAlerts(db), await databaseNow(db)]
  const due = tellers.filter(({ channel }) => alerts.some((alert) => messageDue(alert, channel, now) !== undefined))
  await Promise.all(
    due.map((teller) =>
      onDuty(db, { duty: teller.channel, worker, leaseSeconds, leastSeconds: 0 }, () => tellBy(teller, options)),
    ),
  )
  return hasLooked
}

async function onDuty(db: Kysely<DB>, order: DutyOrder, work: () => Promise<void>): Promise<boolean> {
  if (!(await claimDuty(db, order))) return false
  try {
    await work()
  } finally {
    await endDuty(db, order)
  }
  return true
}

async function assessNow({ database: { db }, limits }: LookOptions): Promise<void> {
  const facts = await readFacts(db)
  await recordGrowth(db, facts.queues)
  const known = await listAlerts(db)
  await saveAlerts(db, assess({ findings: findAll(facts, limits), known, now: facts.now }))
  await forgetOldAlerts(db)
}

/** What is due now: somebody else may have told it a moment ago. */
async function tellBy(teller: Teller, { database: { db }, settings, log }: LookOptions): Promise<void> {
  const now = await databaseNow(db)
  await tellAll({
    ...{ alerts: await listAlerts(db), tellers: [teller], settings, now, log },
    onTold: async ({ id }, channel, told) => {
      if (id !== undefined) await markTold(db, id, channel, told)
    },
  })
}
