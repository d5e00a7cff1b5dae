import type { Retention } from '../config/retention.ts'
import { databaseNow } from '../ops/clock.ts'
import { inBatches } from './batches.ts'
import type { Maintenance } from './maintenance.ts'
import { cutoffOf } from './months.ts'
import { deleteNotificationBatch } from './notification-store.ts'
import { vacuumIfAllowed } from './vacuum.ts'

/** In one transaction: some tens of milliseconds. */
const rowsAtOnce = 1_000

export interface DeletedRows {
  readonly rows: number
}

/** Deletes the notifications that ended so long ago. */
export async function deleteNotifications(maintenance: Maintenance, retention: Retention): Promise<DeletedRows> {
  const { db, signal, log } = maintenance
  if (retention === 'off') return { rows: 0 }
  const before = cutoffOf(retention, await databaseNow(db))
  let from = '-infinity'
  const rows = await inBatches(signal, async () => {
    const { deleted, to } = await deleteNotificationBatch(db, { before, from, size: rowsAtOnce })
    from = to ?? from
    return deleted
  })
  if (rows >= rowsAtOnce) await vacuumIfAllowed(db, 'notifications')
  if (rows > 0) log.info({ rows, before }, 'past retention: notifications deleted')
  return { rows }
}
