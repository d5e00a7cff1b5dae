import { inBatches } from '../maintenance/batches.ts'
import type { Maintenance } from '../maintenance/maintenance.ts'
import { countViewBatch } from './view-count-store.ts'

/** In one transaction: a tenth of a second. */
const rowsAtOnce = 10_000

export interface ViewCounts {
  readonly views: number
  /** Rows of `fleet.uncounted_views` whose content somebody had locked: for the next pass. */
  readonly left: number
}

/**
 * Adds the visits that were inserted since the last pass to the counts of their AR content, each exactly once: however many passes run at
 * once, wherever one is killed, and however late a visit is committed.
 */
export async function countViews({ db, signal, log }: Maintenance): Promise<ViewCounts> {
  let [from, views, contents, left] = ['0', 0, 0, 0]
  await inBatches(signal, async () => {
    const batch = await countViewBatch(db, from, rowsAtOnce)
    from = batch.to ?? from
    views += batch.views
    contents += batch.contents
    left += batch.left
    return batch.rows
  })
  if (left > 0) log.info({ left }, 'views are not counted yet: their content is locked')
  if (views > 0) log.debug({ views, contents }, 'views counted')
  return { views, left }
}
