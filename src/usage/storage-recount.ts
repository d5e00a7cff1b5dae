import type { Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { inBatches } from '../maintenance/batches.ts'
import type { Maintenance } from '../maintenance/maintenance.ts'
import {
  forgetGone,
  type RecountedRows,
  recountCompanyBatch,
  recountFolderBatch,
  withoutHaste,
} from './storage-recount-store.ts'

/** A tenth of a second, where a folder has a hundred portraits. */
const foldersAtOnce = 200
const companiesAtOnce = 500

export interface Recount {
  /** Rows that said something else. */
  readonly changed: number
  /** Rows that somebody locked or changed meanwhile: for the next night. */
  readonly left: number
}

export interface StorageRecount {
  readonly folders: Recount
  readonly companies: Recount
}

/**
 * Makes `storage_folders` and `companies.storage_used_bytes` say what the database holds, and writes only what differs. The rules are in
 * docs/usage.md.
 */
export async function recountStorage(maintenance: Maintenance): Promise<StorageRecount> {
  const folders = await recount(maintenance, (trx, from) => recountFolderBatch(trx, from, foldersAtOnce))
  const companies = await recount(maintenance, (trx, from) => recountCompanyBatch(trx, from, companiesAtOnce))
  await forgetGone(maintenance.db)
  if (folders.changed + companies.changed + folders.left + companies.left > 0)
    maintenance.log.info({ folders, companies }, 'storage recounted')
  return { folders, companies }
}

async function recount(
  { db, signal }: Maintenance,
  batch: (trx: Transaction<DB>, from: number) => Promise<RecountedRows>,
): Promise<Recount> {
  let [from, changed, left] = [-2_147_483_648, 0, 0]
  await inBatches(signal, async () => {
    const counted = await withoutHaste(db, (trx) => batch(trx, from))
    from = counted.to ?? from
    changed += counted.changed
    left += counted.left
    return counted.rows
  })
  return { changed, left }
}
