import type { Kysely } from 'kysely'
import type { Retention } from '../config/retention.ts'
import type { DB } from '../db/schema.ts'
import { eraseArchivedBatch, eraseQueuedBatch, type OldMail } from '../email/body-store.ts'
import { databaseNow } from '../ops/clock.ts'
import { inBatches } from './batches.ts'
import type { Maintenance } from './maintenance.ts'
import { cutoffOf } from './months.ts'
import type { DeletedRows } from './notification-retention.ts'
import { vacuumIfAllowed } from './vacuum.ts'

/** In one transaction: some tens of milliseconds. */
const rowsAtOnce = 1_000

type EraseBatch = (db: Kysely<DB>, old: OldMail) => Promise<{ erased: number; to: string | null }>

/** Erases what mail said that ended so long ago, in the queue and then in the archive, to which it may be moved meanwhile. */
export async function eraseBodies(maintenance: Maintenance, retention: Retention): Promise<DeletedRows> {
  const { db, log } = maintenance
  if (retention === 'off') return { rows: 0 }
  const before = cutoffOf(retention, await databaseNow(db))
  const queued = await eraseIn(maintenance, before, eraseQueuedBatch)
  const archived = await eraseIn(maintenance, before, eraseArchivedBatch)
  if (queued >= rowsAtOnce) await vacuumIfAllowed(db, 'email_queue')
  if (archived >= rowsAtOnce) await vacuumIfAllowed(db, 'fleet.email_archive')
  const rows = queued + archived
  if (rows > 0) log.info({ rows, before }, 'past retention: what mail said was erased')
  return { rows }
}

async function eraseIn({ db, signal }: Maintenance, before: string, eraseBatch: EraseBatch): Promise<number> {
  let from = '-infinity'
  return inBatches(signal, async () => {
    const { erased, to } = await eraseBatch(db, { before, from, size: rowsAtOnce })
    from = to ?? from
    return erased
  })
}
