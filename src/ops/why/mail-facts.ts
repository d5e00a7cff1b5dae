import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { databaseNow } from '../clock.ts'
import { listWorkers } from '../live-workers.ts'
import { listPauses } from '../pauses.ts'
import { type MailDetails, showMail } from '../show-mail.ts'
import { type Act, listActs } from './acts.ts'
import type { SenderFacts } from './senders.ts'

/** What the explanation of a mail rests on. */
export interface MailFacts {
  readonly now: Date
  readonly mail: MailDetails
  readonly senders: SenderFacts
  /** How many that are due go before it; `mostAhead` stands for that many or more. */
  readonly ahead: number
  readonly acts: readonly Act[]
}

export const mostAhead = 100_000

/** Undefined where no mail has that id. */
export async function readMailFacts(db: Kysely<DB>, id: number): Promise<MailFacts | undefined> {
  const mail = await showMail(db, id)
  if (mail === undefined) return undefined
  const [now, pauses, workers] = [await databaseNow(db), await listPauses(db), await listWorkers(db)]
  return {
    now,
    mail,
    senders: {
      queue: 'email',
      pause: pauses.find(({ queue }) => queue === 'email') ?? null,
      workers: workers.filter(({ name }) => name === 'email'),
    },
    ahead: mail.status === 'pending' ? await countAhead(db, id) : 0,
    acts: await listActs(db, { entityType: 'email_queue', id, changedAt: mail.changedAt }),
  }
}

/** In the order of claims, by the index that they use. */
async function countAhead(db: Kysely<DB>, id: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count
      FROM (SELECT q.id
              FROM email_queue AS me
             CROSS JOIN generate_series(1, 10) AS p (prio)
             CROSS JOIN LATERAL (
               SELECT q.id FROM email_queue AS q
                WHERE q.status = 'pending' AND q.prio = p.prio AND q.due_at <= fleet.utc_now() AT TIME ZONE 'UTC'
                  AND (p.prio < me.prio OR (q.due_at, q.id) < (me.due_at, me.id))) AS q
             WHERE me.id = ${id} AND p.prio <= me.prio
             LIMIT ${sql.lit(mostAhead)}) AS ahead`.execute(db)
  return rows[0]?.count ?? 0
}
