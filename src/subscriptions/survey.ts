import type { Kysely, Transaction } from 'kysely'
import type { DB } from '../db/schema.ts'
import { expectFew, listDue } from './due-store.ts'
import type { Circumstances } from './policy.ts'
import type { SweepSettings } from './settings.ts'
import { type Step, stepsOf } from './step.ts'
import type { EntityType } from './subscription.ts'
import { readSubscriptions } from './subscription-store.ts'

/** In one transaction: what the platform's programs wait for at most, if they want one of the rows. */
const batchSize = 100

const kinds: readonly EntityType[] = ['projects', 'portraits', 'companies']

/** Some rows of a kind for which something may be due. */
export interface DueBatch {
  readonly kind: EntityType
  readonly ids: readonly number[]
}

/** All rows for which something may be due, in batches. */
export async function listBatches(trx: Transaction<DB>, circumstances: Circumstances): Promise<DueBatch[]> {
  const batches: DueBatch[] = []
  await expectFew(trx)
  for (const kind of kinds) {
    const ids = await listDue(trx, kind, circumstances)
    for (let from = 0; from < ids.length; from += batchSize)
      batches.push({ kind, ids: ids.slice(from, from + batchSize) })
  }
  return batches
}

/** What is to be done about the rows of a batch, as they are now. */
export async function surveyBatch(
  db: Kysely<DB>,
  { kind, ids }: DueBatch,
  { circumstances, settings }: { readonly circumstances: Circumstances; readonly settings: SweepSettings },
): Promise<Step[]> {
  return stepsOf(await readSubscriptions(db, kind, ids), circumstances, settings)
}
