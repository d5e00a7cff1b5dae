import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.ts'

/** The queue of pg-boss whose jobs go on with whatever replay is unfinished. */
export const replayQueue = 'lifecycle.replays'

/**
 * Has a lifecycle worker look within two seconds, once the transaction is committed. One job waits at most, which its queue sees to. Where
 * no lifecycle worker has ever run there is no such queue, and the first one looks when it starts.
 */
export async function sendReplayJob(transaction: Transaction<DB>): Promise<void> {
  await sql`
    INSERT INTO pgboss.job (name, policy, retry_limit, expire_seconds, deletion_seconds)
    SELECT name, policy, retry_limit, expire_seconds, deletion_seconds FROM pgboss.queue WHERE name = ${replayQueue}
        ON CONFLICT DO NOTHING`.execute(transaction)
}
