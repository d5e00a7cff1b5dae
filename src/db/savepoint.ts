import { sql, type Transaction } from 'kysely'
import type { DB } from './schema.ts'

/** Does a part of a transaction that can fail without the rest: what it has written by then is undone. Throws what `work` throws. */
export async function inSavepoint<T>(trx: Transaction<DB>, work: () => Promise<T>): Promise<T> {
  await sql`SAVEPOINT part`.execute(trx)
  try {
    const result = await work()
    await sql`RELEASE SAVEPOINT part`.execute(trx)
    return result
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT part`.execute(trx)
    throw error
  }
}
