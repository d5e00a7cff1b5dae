import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { databaseNow } from '../clock.ts'
import { listWorkers } from '../live-workers.ts'
import { listPauses } from '../pauses.ts'
import type { ReplayState } from '../replays/replay.ts'
import { type MailDetails, showMail } from '../show-mail.ts'
import { type Act, listActs } from './acts.ts'
import { countAhead } from './ahead.ts'
import type { SenderFacts } from './senders.ts'

/** What the explanation of a mail rests on. */
export interface MailFacts {
  readonly now: Date
  readonly mail: MailDetails
  readonly senders: SenderFacts
  /** How many that are due go before it, as `countAhead` has it. */
  readonly ahead: number
  /** The one that it carries. */
  readonly notification: { readonly id: number; readonly status: string } | null
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
    ahead: mail.status === 'pending' ? await countAhead(db, 'email_queue', id) : 0,
    notification: await findNotification(db, id),
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

async function findNotification(db: Kysely<DB>, id: number): Promise<MailFacts['notification']> {
  const { rows } = await sql<{ id: number; status: string }>`
    SELECT n.id, n.status
      FROM (SELECT notification_id FROM email_queue WHERE id = ${id}
             UNION ALL
            SELECT notification_id FROM fleet.email_archive WHERE id = ${id}) AS mail
      JOIN notifications AS n ON n.id = mail.notification_id`.execute(db)
  return rows[0] ?? null
}
