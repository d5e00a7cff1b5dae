import type { Retention } from '../config/retention.ts'
import {
  archiveBatch,
  type BatchRequest,
  endedStatuses,
  monthsToArchive,
  readMailColumns,
} from '../email/archive-store.ts'
import { databaseNow } from '../ops/clock.ts'
import { inBatches } from './batches.ts'
import type { Maintenance } from './maintenance.ts'
import { cutoffOf } from './months.ts'
import { analyzePartitions } from './partition-store.ts'
import { makePartition } from './partitions.ts'
import { vacuumIfAllowed } from './vacuum.ts'

/** In one transaction: some tens of milliseconds. */
const rowsAtOnce = 1_000
const archive = 'fleet.email_archive'

/**
 * Moves the mail that ended so long ago from the queue into the archive, each month into its partition. Any number may run at once, be
 * killed anywhere, and go on with the next run: a mail is always in exactly one of the two.
 * @throws {Error} where the queue has columns that would be lost
 */
export async function archiveMail(maintenance: Maintenance, after: Retention): Promise<{ moved: number }> {
  const { db, log } = maintenance
  if (after === 'off') return { moved: 0 }
  const before = cutoffOf(after, await databaseNow(db))
  const { kept: columns, lost } = await readMailColumns(db)
  if (lost.length > 0) {
    throw new Error(`nothing is archived: email_queue has columns that the archive would lose: ${lost.join(', ')}`)
  }
  for (const month of await monthsToArchive(db, before)) await makePartition(maintenance, archive, month)
  let moved = 0
  for (const status of endedStatuses) moved += await archiveStatus(maintenance, { columns, status, before })
  if (moved >= rowsAtOnce) await tidyUp(maintenance)
  if (moved > 0) log.info({ moved, before }, 'ended mail archived')
  return { moved }
}

function archiveStatus(
  { db, signal }: Maintenance,
  ended: Pick<BatchRequest, 'columns' | 'status' | 'before'>,
): Promise<number> {
  let from = '-infinity'
  return inBatches(signal, async () => {
    const { moved, to } = await archiveBatch(db, { ...ended, from, size: rowsAtOnce })
    from = to ?? from
    return moved
  })
}

async function tidyUp({ db }: Maintenance): Promise<void> {
  await vacuumIfAllowed(db, 'email_queue')
  if (!(await vacuumIfAllowed(db, archive))) await analyzePartitions(db, archive)
}
