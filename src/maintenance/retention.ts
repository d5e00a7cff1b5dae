import type { Config } from '../config/config.ts'
import type { Retention } from '../config/retention.ts'
import { retryWhileLocked } from '../db/lock-retry.ts'
import { databaseNow } from '../ops/clock.ts'
import { deleteOldSweeps } from '../subscriptions/sweep-store.ts'
import { eraseBodies } from './body-retention.ts'
import { deleteOrphanHandovers } from './handover-store.ts'
import type { Maintenance } from './maintenance.ts'
import { cutoffOf } from './months.ts'
import { type DeletedRows, deleteNotifications } from './notification-retention.ts'
import { deleteFromDefault, dropOnePartition } from './partition-store.ts'
import { unlessRefused } from './refusal.ts'
import { vacuumIfAllowed } from './vacuum.ts'

/** In one transaction: some tens of milliseconds. */
const rowsAtOnce = 5_000

export interface DroppedRows {
  /** Whole months. */
  readonly partitions: readonly string[]
  /** Rows of the default partition. */
  readonly rows: number
}

/** Takes away what is past its retention, from every table that has one. */
export async function applyRetention(
  maintenance: Maintenance,
  {
    auditLog,
    viewSessions,
    emailArchive,
    emailBodies,
    emailAttempts,
    notificationAttempts,
    notifications,
  }: Config['retention'],
): Promise<Record<string, DroppedRows | DeletedRows>> {
  return {
    auditLog: await dropPast(maintenance, 'public.audit_log', auditLog),
    viewSessions: await dropPast(maintenance, 'public.ar_view_sessions', viewSessions),
    emailArchive: await dropPast(maintenance, 'fleet.email_archive', emailArchive),
    emailBodies: await eraseBodies(maintenance, emailBodies),
    emailAttempts: await dropPast(maintenance, 'fleet.email_attempts', emailAttempts),
    notificationAttempts: await dropPast(maintenance, 'fleet.notification_attempts', notificationAttempts),
    emailHandovers: await dropOrphans(maintenance, 'email'),
    notificationHandovers: await dropOrphans(maintenance, 'notifications'),
    notifications: await deleteNotifications(maintenance, notifications),
    sweeps: { rows: await deleteOldSweeps(maintenance.db) },
  }
}

async function dropOrphans({ db, log }: Maintenance, queue: 'email' | 'notifications'): Promise<DeletedRows> {
  const rows = await deleteOrphanHandovers(db, queue)
  if (rows > 0) log.warn({ queue, rows }, 'messages were handed over, and what came of them was never recorded')
  return { rows }
}

/**
 * Drops the months of a table that are past their retention as a whole, and deletes single rows from its default partition. Rows without
 * a time have no age, and stay.
 */
export async function dropPast(maintenance: Maintenance, parent: string, retention: Retention): Promise<DroppedRows> {
  const nothing = { partitions: [], rows: 0 }
  if (retention === 'off') return nothing
  const before = cutoffOf(retention, await databaseNow(maintenance.db))
  return unlessRefused(maintenance.log, parent, {
    work: () => dropBefore(maintenance, parent, before),
    otherwise: nothing,
  })
}

async function dropBefore({ db, signal, log }: Maintenance, parent: string, before: string): Promise<DroppedRows> {
  const partitions: string[] = []
  const dropNext = () => retryWhileLocked(signal, () => dropOnePartition(db, parent, before))
  for (let name = await dropNext(); name !== null; name = await dropNext()) partitions.push(name)
  let rows = 0
  for (let deleted = rowsAtOnce; deleted === rowsAtOnce; rows += deleted) {
    deleted = await retryWhileLocked(signal, () => deleteFromDefault(db, parent, { before, most: rowsAtOnce }))
  }
  if (rows >= rowsAtOnce) await vacuumIfAllowed(db, `${parent}_default`)
  if (partitions.length > 0 || rows > 0)
    log.info({ table: parent, before, partitions, rows }, 'past retention: dropped')
  return { partitions, rows }
}
