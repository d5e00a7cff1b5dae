import { constants, hostname } from 'node:os'
import process from 'node:process'
import { type Config, loadConfig } from '../../config/config.ts'
import { databaseNow } from '../../ops/clock.ts'
import { listenForShutdown } from '../../process/shutdown.ts'
import { createLogger } from '../../runtime/logger.ts'
import { planSweep } from '../../subscriptions/plan.ts'
import { sweepSettings } from '../../subscriptions/settings.ts'
import { sweep } from '../../subscriptions/sweep.ts'
import type { Answer } from '../answer.ts'
import { usageError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { type Moment, momentAfter } from '../moments.ts'
import type { Session } from '../session.ts'
import { answerPlan } from './plan.ts'
import { answerResult } from './result.ts'

export interface SweepOptions {
  readonly plan?: boolean
  readonly at?: Moment
  readonly baseline?: boolean
  readonly max?: number
}

export async function sweepOrPlan(session: Session, options: SweepOptions): Promise<Answer> {
  const { plan = false, at, max } = options
  if (at !== undefined && !plan) {
    throw usageError('--at is for --plan: a sweep does what is due now', 'see fleet sweep --help')
  }
  if (max !== undefined && plan) {
    throw usageError('--max is for a sweep: --plan says how much it would change', 'leave it out')
  }
  if (!plan) return sweepOnce(session, options)
  process.once('SIGINT', () => process.exit(exitStatus.interrupted))
  return showPlan(session, options)
}

async function showPlan(session: Session, { at, baseline = false }: SweepOptions): Promise<Answer> {
  const settings = sweepSettings(loadConfig())
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const moment = at === undefined ? undefined : momentAfter(now, at)
  const plan = await session.progress('Looking at what is due', () =>
    planSweep(db, settings, { baseline, ...(moment && { at: moment }) }),
  )
  return answerPlan(plan, { now, baseline })
}

/** The first SIGINT or SIGTERM ends it after what is in hand, a second one at once. */
async function sweepOnce(session: Session, { baseline = false, max }: SweepOptions): Promise<Answer> {
  const { signal } = listenForShutdown()
  signal.addEventListener('abort', () => session.say('Stopping after what is in hand.'), { once: true })
  try {
    const config = loadConfig()
    const db = await session.openDatabase()
    const sweeping = {
      db,
      settings: sweepSettings(config),
      worker: `sweep@${hostname()}:${process.pid}`,
      signal,
      log: createLogger({ level: quietLevel(config), name: 'sweep', destination: process.stderr }),
    }
    const result = await session.progress('Sweeping', () =>
      sweep(sweeping, { baseline, ...(max !== undefined && { max }) }),
    )
    return answerResult(result, { baseline, interrupted: statusAfter(signal) })
  } finally {
    // Listening for the end of a parent keeps the channel to it open.
    if (process.connected) process.disconnect?.()
  }
}

/** The answer says what was done: cron would mail the rest. */
function quietLevel({ logLevel }: Config): string {
  return logLevel === 'info' ? 'warn' : logLevel
}

/** What a shell reports for the signal. */
function statusAfter({ reason }: AbortSignal): number {
  const number = constants.signals[reason as NodeJS.Signals]
  return number === undefined ? exitStatus.failed : 128 + number
}
