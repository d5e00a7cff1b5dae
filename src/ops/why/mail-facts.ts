import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { databaseNow } from '../clock.ts'
import { listWorkers } from '../live-workers.ts'
import { listPauses } from '../pauses.ts'
import type { ReplayState } from '../replays/replay.ts'
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
  /** The replays that mean it, the latest last. */
  readonly replays: readonly ReplayOfMail[]
}

export interface ReplayOfMail {
  readonly id: number
  readonly at: Date
  /** Of the replay, and of the mail in it. */
  readonly state: ReplayState
  readonly item: 'waiting' | 'replayed' | 'skipped' | 'taken_back'
  readonly actor: string
  readonly reason: string | null
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
    replays: await listReplays(db, id),
    acts: await listActs(db, { entityType: 'email_queue', id, changedAt: mail.changedAt }),
  }
}

async function listReplays(db: Kysely<DB>, id: number): Promise<ReplayOfMail[]> {
  const { rows } = await sql<ReplayOfMail>`
    SELECT r.id::int AS id, r.created_at AS at, r.state, i.state AS item, r.actor, r.reason
      FROM fleet.replay_items AS i JOIN fleet.replays AS r ON r.id = i.replay_id
     WHERE i.email_id = ${id}
     ORDER BY r.id`.execute(db)
  return rows
}

/** In the order of claims, by the index that they use. */
async function countAhead(db: Kysely<DB>, id: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count
      FROM (SELECT ahead.id
              FROM email_queue AS me
             CROSS JOIN LATERAL (
               SELECT q.id FROM generate_series(1, 9) AS p (prio)
                CROSS JOIN LATERAL (
                  SELECT id FROM email_queue
                   WHERE status = 'pending' AND prio = p.prio AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC') AS q
                WHERE p.prio < me.prio
               UNION ALL
               SELECT q.id FROM email_queue AS q
                WHERE q.status = 'pending' AND q.prio = me.prio AND (q.due_at, q.id) < (me.due_at, me.id)) AS ahead
             WHERE me.id = ${id}
             LIMIT ${sql.lit(mostAhead)}) AS ahead`.execute(db)
  return rows[0]?.count ?? 0
}
