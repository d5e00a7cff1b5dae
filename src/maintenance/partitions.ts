import { retryWhileLocked } from '../db/lock-retry.ts'
import { databaseNow } from '../ops/clock.ts'
import type { Maintenance } from './maintenance.ts'
import { monthsFrom } from './months.ts'
import {
  analyzePartitions,
  attachPartition,
  listPartitionedTables,
  preparePartition,
  validatePartition,
} from './partition-store.ts'
import { unlessRefused } from './refusal.ts'

/** Beside the current one. An empty month costs nothing, and so long may no lifecycle worker run before a row misses its month. */
const monthsAhead = 3

export interface KeptPartitions {
  readonly made: readonly string[]
  /** Months that stay in the default partition, as it holds their rows already. */
  readonly left: readonly string[]
}

/**
 * Makes the partitions of this month and the coming ones wherever they are missing, and brings the planner's statistics up to date.
 * Goes on where a run before it was interrupted; any number may run at once. A table that cannot be served does not stop the others.
 * @throws {AggregateError} of what failed, after all others are done
 */
export async function keepPartitions(maintenance: Maintenance): Promise<KeptPartitions> {
  const { db, signal, log } = maintenance
  const months = monthsFrom(await databaseNow(db), monthsAhead)
  const kept = { made: [] as string[], left: [] as string[] }
  const failures: unknown[] = []
  for (const parent of await listPartitionedTables(db)) {
    try {
      await unlessRefused(log, parent, {
        async work() {
          for (const month of months) {
            const state = await makePartition(maintenance, parent, month)
            if (state !== 'attached') kept[state].push(`${parent} ${month.slice(0, 7)}`)
          }
          await retryWhileLocked(signal, () => analyzePartitions(db, parent))
        },
        otherwise: undefined,
      })
    } catch (err) {
      if (signal.aborted) throw err
      failures.push(new Error(`the partitions of ${parent} cannot be made`, { cause: err }))
    }
  }
  if (kept.made.length > 0) log.info({ partitions: kept.made }, 'partitions made')
  if (failures.length > 0) throw new AggregateError(failures, 'some partitions cannot be made')
  return kept
}

/** Makes the partition of a month unless it is there; see `docs/decisions/0016-months-split-off-a-default-partition.md`. */
export async function makePartition(
  { db, signal }: Maintenance,
  parent: string,
  month: string,
): Promise<'attached' | 'left' | 'made'> {
  const state = await retryWhileLocked(signal, () => preparePartition(db, parent, month))
  if (state !== 'prepared') return state
  await retryWhileLocked(signal, () => validatePartition(db, parent, month))
  await retryWhileLocked(signal, () => attachPartition(db, parent, month))
  return 'made'
}
