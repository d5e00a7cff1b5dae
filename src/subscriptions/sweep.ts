import type { Kysely, Transaction } from 'kysely'
import type { Logger } from 'pino'
import { isUnreachable } from '../db/pool.ts'
import type { DB } from '../db/schema.ts'
import { databaseNow } from '../ops/clock.ts'
import { changeSubscriptions } from './change-store.ts'
import { alertOfFlood } from './flood-alert.ts'
import { addCounts, changeLimit, countSteps, noCounts, totalOf } from './flood-guard.ts'
import { writeNotices } from './notice-store.ts'
import { countPassedOrders, recordPassedOrders } from './order-store.ts'
import { circumstancesOf } from './plan.ts'
import type { Circumstances } from './policy.ts'
import type { SweepSettings } from './settings.ts'
import type { Step } from './step.ts'
import { lockSubscriptions, waitBriefly } from './subscription-store.ts'
import { type DueBatch, listBatches, surveyBatch } from './survey.ts'
import type { SweepCounts, SweepResult } from './sweep-result.ts'
import { beginSweep, clockDifferenceMs, endSweep } from './sweep-store.ts'

export interface Sweeping {
  readonly db: Kysely<DB>
  readonly settings: SweepSettings
  /** Who sweeps: for `fleet.sweeps`. */
  readonly worker: string
  /** Ends the pass after the batch in hand. */
  readonly signal: AbortSignal
  readonly log: Logger
}

export interface SweepOptions {
  /** Allows so many changes, this once. */
  readonly max?: number
  /** Marks what is past as known and tells nobody. */
  readonly baseline?: boolean
}

const clocksApartMs = 60_000

/**
 * One pass over all subscriptions: decides what is due and writes it, a batch in a transaction. Any number may run at once: rows that
 * another one has locked are passed over and looked at again at the end. What is written depends on what the rows are then, so that a
 * pass which dies anywhere is simply followed by the next.
 */
export async function sweep(sweeping: Sweeping, options: SweepOptions = {}): Promise<SweepResult> {
  const { db, settings, worker, log } = sweeping
  const { max, baseline = false } = options
  const differenceMs = await clockDifferenceMs(db)
  if (Math.abs(differenceMs) > clocksApartMs) {
    log.error({ differenceMs }, 'nothing swept: the clocks of the database and of this host are too far apart')
    return { kind: 'clock', differenceMs }
  }
  const circumstances = await circumstancesOf(db, settings, { now: await databaseNow(db), baseline })
  const id = await beginSweep(db, { worker, kind: baseline ? 'baseline' : 'sweep' })
  const pass = { ...sweeping, circumstances }
  const batches = await listAll(pass)
  const refused = baseline ? undefined : await guard(pass, batches, max)
  if (refused) {
    await endSweep(db, id, { outcome: refused.kind === 'flood' ? 'blocked' : 'interrupted', counts: refused.counts })
    return refused
  }
  const { counts, left, failed, wasInterrupted } = await work(pass, batches)
  await endSweep(db, id, { outcome: wasInterrupted ? 'interrupted' : 'done', counts })
  if (totalOf(counts) > 0 || left + failed > 0) log.info({ ...counts, left, failed, baseline }, 'subscriptions swept')
  return wasInterrupted ? { kind: 'interrupted', counts } : { kind: 'done', sweepId: id, counts, left, failed }
}

interface Pass extends Sweeping {
  readonly circumstances: Circumstances
}

function listAll({ db, circumstances }: Pass): Promise<DueBatch[]> {
  return db.transaction().execute((trx) => listBatches(trx, circumstances))
}

/** Counts all that the pass would change, before its first write, unless that cannot be too much. */
async function guard(
  pass: Pass,
  batches: readonly DueBatch[],
  max: number | undefined,
): Promise<(SweepResult & { readonly kind: 'flood' | 'interrupted' }) | undefined> {
  const { db, settings, circumstances, signal, log } = pass
  const recorded = await countPassedOrders(db, circumstances)
  const mostOfOne = circumstances.stages.chain.length + 3
  const rows = batches.reduce((sum, { ids }) => sum + ids.length, 0)
  if (rows * mostOfOne + recorded <= (max ?? settings.maxChanges)) return undefined
  let counts: SweepCounts = { ...noCounts, recorded }
  for (const batch of batches) {
    if (signal.aborted) return { kind: 'interrupted', counts: noCounts }
    counts = addCounts(counts, countSteps(await surveyBatch(db, batch, pass)))
  }
  const changes = totalOf(counts)
  const limit = await changeLimit(db, settings, max)
  if (changes <= limit) return undefined
  log.error({ ...counts, changes, limit }, 'nothing swept: it would change too much at once')
  await alertOfFlood(db, settings, { changes, limit })
  return { kind: 'flood', counts, changes, limit }
}

interface Worked {
  readonly counts: SweepCounts
  readonly left: number
  readonly failed: number
  readonly wasInterrupted: boolean
}

/** Goes on until nothing is due, or what is left is locked by others, or fails. */
async function work(pass: Pass, first: readonly DueBatch[]): Promise<Worked> {
  const { db, circumstances, signal } = pass
  let counts: SweepCounts = { ...noCounts, recorded: await recordPassedOrders(db, circumstances) }
  const failed = new Set<string>()
  let batches = first
  for (let before = -1; batches.length > 0 && totalOf(counts) !== before; ) {
    before = totalOf(counts)
    counts = addCounts(counts, await settleAll(pass, batches, failed))
    if (signal.aborted) return { counts, left: 0, failed: failed.size, wasInterrupted: true }
    batches = await listAll(pass)
  }
  const left = batches.reduce((sum, { ids }) => sum + ids.length, 0)
  return { counts, left: Math.max(0, left - failed.size), failed: failed.size, wasInterrupted: false }
}

/** Two at a time: while the database writes one the texts of the other are made. */
async function settleAll(pass: Pass, batches: readonly DueBatch[], failed: Set<string>): Promise<SweepCounts> {
  const waiting = batches.values()
  const lane = async (): Promise<SweepCounts> => {
    let counts = noCounts
    for (const batch of waiting) {
      if (pass.signal.aborted) break
      counts = addCounts(counts, await settle(pass, batch, failed))
    }
    return counts
  }
  const lanes = await Promise.allSettled([lane(), lane()])
  const broken = lanes.find((result) => result.status === 'rejected')
  if (broken) throw broken.reason
  return lanes.reduce((sum, result) => (result.status === 'fulfilled' ? addCounts(sum, result.value) : sum), noCounts)
}

/** A row that cannot be written, or not now, does not keep the others of its batch back. */
async function settle(pass: Pass, batch: DueBatch, failed: Set<string>): Promise<SweepCounts> {
  const { kind, ids } = batch
  try {
    return countSteps(await writeBatch(pass, batch))
  } catch (err) {
    if (isUnreachable(err)) throw err
    if (ids.length > 1) {
      const half = Math.ceil(ids.length / 2)
      const counts = await settle(pass, { kind, ids: ids.slice(0, half) }, failed)
      return addCounts(counts, await settle(pass, { kind, ids: ids.slice(half) }, failed))
    }
    if (isLocked(err)) return noCounts
    pass.log.error({ err, kind, id: ids[0] }, 'subscription not swept')
    failed.add(`${kind} ${ids[0]}`)
    return noCounts
  }
}

/** 55P03: lock_not_available. The next pass looks at it again. */
function isLocked(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === '55P03'
}

/** Everything about these rows in one transaction: flags, states, ledger, notifications and audit log, or nothing. */
function writeBatch(pass: Pass, { kind, ids }: DueBatch): Promise<readonly Step[]> {
  return pass.db.transaction().execute(async (trx: Transaction<DB>) => {
    await waitBriefly(trx)
    const locked = await lockSubscriptions(trx, kind, ids)
    if (locked.length === 0) return []
    const steps = await surveyBatch(trx, { kind, ids: locked }, pass)
    await writeNotices(trx, steps)
    if (kind !== 'companies') await changeSubscriptions(trx, kind, steps)
    return steps
  })
}
