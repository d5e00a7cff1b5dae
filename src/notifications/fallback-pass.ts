import type { Transaction } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import { isAboutRow } from '../db/row-refusal.ts'
import { inSavepoint } from '../db/savepoint.ts'
import type { DB } from '../db/schema.ts'
import { type FallbackDefaults, nextChannel } from './fallback.ts'
import { type EndedRow, insertFallback, listUntold, lockEnded, settleEnded } from './fallback-store.ts'

export interface FallbackOptions {
  readonly defaults: FallbackDefaults
  readonly log: Logger
}

/** In one transaction, which keeps the rows locked: so many, until they have become about so many notices. A digest is of many. */
const rowsAtOnce = 100
const noticesAtOnce = 1_000

/**
 * Tries another channel for the notifications that ended as failed or skipped since the last pass; answers for how many. Any number may run
 * at once and be killed anywhere: a row is looked at once, in the transaction that also writes what stands in for it.
 */
export async function runFallbacks({ db }: Database, options: FallbackOptions): Promise<number> {
  let made = 0
  for (;;) {
    const { tried, more } = await db.transaction().execute((trx) => passOn(trx, options))
    made += tried
    if (!more) return made
  }
}

async function passOn(trx: Transaction<DB>, options: FallbackOptions): Promise<{ tried: number; more: boolean }> {
  const ended = await lockEnded(trx, rowsAtOnce)
  const looked: number[] = []
  let tried = 0
  let notices = 0
  for (const row of ended) {
    if (notices >= noticesAtOnce) break
    const made = await tryNextAlone(trx, row, options)
    looked.push(row.id)
    notices += made
    if (made > 0) tried += 1
  }
  if (looked.length > 0) await settleEnded(trx, looked)
  return { tried, more: looked.length < ended.length || ended.length === rowsAtOnce }
}

/** Answers how many notices go on. What the database refuses of one row, by a constraint or a trigger of the platform's perhaps, must not keep the others waiting for ever. */
async function tryNextAlone(trx: Transaction<DB>, row: EndedRow, options: FallbackOptions): Promise<number> {
  try {
    return await inSavepoint(trx, () => tryNext(trx, row, options))
  } catch (err) {
    if (!isAboutRow(err)) throw err
    options.log.error({ err, notificationId: row.id }, 'no fallback: the database refuses it')
    return 0
  }
}

async function tryNext(trx: Transaction<DB>, row: EndedRow, { defaults, log }: FallbackOptions): Promise<number> {
  const { channel, rest, unknown } = nextChannel(row, defaults)
  if (unknown.length > 0) log.warn({ notificationId: row.id, unknown }, 'event_data.fallback names what is no channel')
  if (channel === undefined) return 0
  const [first, ...others] = await listUntold(trx, row.id, channel)
  if (first === undefined) {
    log.info({ notificationId: row.id, channel }, 'no fallback: the notice has a row on that channel already')
    return 0
  }
  const fallbackId = await insertFallback(trx, { ids: [first, ...others], channel, rest })
  log.info({ notificationId: row.id, fallbackId, channel, notices: 1 + others.length }, 'another channel is tried')
  return 1 + others.length
}
