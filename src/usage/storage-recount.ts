import { inBatches } from '../maintenance/batches.ts'
import type { Maintenance } from '../maintenance/maintenance.ts'
import {
  forgetGone,
  listWrongCompanies,
  listWrongFolders,
  type WrittenFigures,
  type WrongFigures,
  writeCompanies,
  writeFolders,
} from './storage-recount-store.ts'

/** In one transaction: some tens of milliseconds. */
const rowsAtOnce = 500

export interface StorageRecount {
  readonly folders: WrittenFigures
  readonly companies: WrittenFigures
}

/**
 * Makes `storage_folders` and `companies.storage_used_bytes` say what the database holds, and writes only what differs. The rules are in
 * docs/usage.md.
 */
export async function recountStorage(maintenance: Maintenance): Promise<StorageRecount> {
  const { db, signal, log } = maintenance
  signal.throwIfAborted()
  const folders = await write(signal, await listWrongFolders(db), (wrong) => writeFolders(db, wrong))
  const companies = await write(signal, await listWrongCompanies(db), (wrong) => writeCompanies(db, wrong))
  await forgetGone(db)
  if (folders.changed + companies.changed + folders.left + companies.left > 0)
    log.info({ folders, companies }, 'storage recounted')
  return { folders, companies }
}

async function write(
  signal: AbortSignal,
  wrong: readonly WrongFigures[],
  writeBatch: (wrong: readonly WrongFigures[]) => Promise<WrittenFigures>,
): Promise<WrittenFigures> {
  let [done, changed, left] = [0, 0, 0]
  await inBatches(signal, async () => {
    const batch = wrong.slice(done, done + rowsAtOnce)
    if (batch.length === 0) return 0
    const written = await writeBatch(batch)
    done += batch.length
    changed += written.changed
    left += written.left
    return batch.length
  })
  return { changed, left }
}
