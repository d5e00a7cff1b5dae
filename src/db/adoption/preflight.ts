import type { Kysely, Transaction } from 'kysely'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Difference } from '../catalogue/finding.ts'
import { readCatalogue } from '../catalogue/reader.ts'
import { expectedCatalogue } from '../catalogue/snapshot.ts'
import { findColumns } from './columns.ts'
import { findKeys } from './keys.ts'
import { findMembers } from './members.ts'
import { findNames } from './names.ts'
import { findObjects } from './objects.ts'
import { findPartitionObstacles } from './partitions.ts'
import { findRights } from './rights.ts'
import { findViews } from './views.ts'

/** What the preflight looks at: the same moment of one database, and what the migrations are to make of it. */
export interface Scene {
  readonly db: Transaction<unknown>
  readonly live: Catalogue
  /** The platform's own objects. */
  readonly platform: Catalogue
  /** What every migration together makes. */
  readonly fleet: Catalogue
}

/**
 * What would keep the migrations from adopting this database, each with the statements that would mend it: objects that the role does
 * not own, and whatever cannot be reconciled without somebody's decision. Empty where nothing does, as on an empty database.
 *
 * Only reads, all of it as one moment sees it. Rows are read only where a column, a key or a reference is not as it should be.
 */
export async function preflight<DB>(db: Kysely<DB>): Promise<Difference[]> {
  const [platform, fleet] = await Promise.all([expectedCatalogue('platform'), expectedCatalogue('fleet')])
  const transaction = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return transaction.execute(async (reading) => {
    const scene: Scene = { db: reading as Transaction<unknown>, live: await readCatalogue(reading), platform, fleet }
    return [
      ...(await findRights(scene)),
      ...(await findNames(scene)),
      ...findObjects(scene),
      ...(await findColumns(scene)),
      ...(await findKeys(scene)),
      ...findMembers(scene),
      ...(await findViews(scene)),
      ...(await findPartitionObstacles(scene)),
    ]
  })
}
