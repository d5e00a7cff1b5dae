import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { databaseNow } from '../clock.ts'
import { listWorkers } from '../live-workers.ts'
import { type NotificationDetails, showNotification } from '../notifications/show-notification.ts'
import { listPauses, pauseOf } from '../pauses.ts'
import { type Act, listActs } from './acts.ts'
import { countAhead } from './ahead.ts'
import type { Explanation } from './explanation.ts'
import { explainMail, type MailState } from './mail-explanation.ts'
import { readMailFacts } from './mail-facts.ts'
import type { SenderFacts } from './senders.ts'

/** What the explanation of a notification rests on. */
export interface NotificationFacts {
  readonly now: Date
  readonly notification: NotificationDetails
  readonly senders: SenderFacts
  /** Its channel takes nothing until then. */
  readonly channelPause: { readonly until: Date; readonly reason: string | null } | null
  /** How many of its channel that are due go before it, as `countAhead` has it. */
  readonly ahead: number
  /** The one that it goes out with, or after which it is looked at. */
  readonly groupLeader: number | null
  /** The message that comes first in its chat. */
  readonly chatLeader: number | null
  /** The quiet hours of its company, by the clock there; null where there are none. */
  readonly quietHours: { readonly from: string; readonly until: string; readonly timezone: string | null } | null
  /** What it is about, as its producer names it: `lifecycle:7` for a notice of the sweep. */
  readonly notice: string | null
  /** What has become of the mail that it is. */
  readonly mail: Explanation<MailState> | null
  readonly acts: readonly Act[]
}

type Neighbours = Pick<NotificationFacts, 'notice' | 'channelPause' | 'groupLeader' | 'chatLeader' | 'quietHours'>

/** Undefined where no notification has that id. */
export async function readNotificationFacts(db: Kysely<DB>, id: number): Promise<NotificationFacts | undefined> {
  const notification = await showNotification(db, id)
  if (notification === undefined) return undefined
  const [now, pauses, workers] = [await databaseNow(db), await listPauses(db), await listWorkers(db)]
  const { channel, changedAt, mail } = notification
  const mailFacts = mail === null ? undefined : await readMailFacts(db, mail.id)
  const queue = channel === 'email' ? 'notifications' : channel
  return {
    now,
    notification,
    senders: {
      queue,
      pause: pauseOf(queue, pauses) ?? null,
      workers: workers.filter(({ name }) => name === 'notifications'),
    },
    ahead: notification.status === 'pending' ? await countAhead(db, 'notifications', id) : 0,
    ...(await readNeighbours(db, id)),
    mail: mailFacts === undefined ? null : explainMail(mailFacts),
    acts: await listActs(db, { entityType: 'notifications', id, changedAt }),
  }
}

async function readNeighbours(db: Kysely<DB>, id: number): Promise<Neighbours> {
  const { rows } = await sql<Neighbours>`
    SELECT q.event_data ->> 'notice' AS notice,
           (SELECT jsonb_build_object('until', least(c.paused_until, '9999-12-31T00:00:00Z'), 'reason', c.reason)
              FROM fleet.channels AS c
             WHERE c.name = q.type AND c.paused_until > fleet.utc_now() AT TIME ZONE 'UTC') AS "channelPause",
           (SELECT e.id FROM notifications AS e
             WHERE e.group_id = q.group_id AND e.type = q.type AND (e.prio, e.id) < (q.prio, q.id) AND e.digest_of IS NULL
               AND e.status IN ('pending', 'sending') AND e.digest_size IS NULL AND e.recipient IS NOT DISTINCT FROM q.recipient
             ORDER BY e.prio, e.id LIMIT 1) AS "groupLeader",
           (SELECT e.id FROM notifications AS e
             WHERE q.type = 'telegram' AND e.type = 'telegram' AND e.status IN ('pending', 'sending') AND e.digest_of IS NULL
               AND e.recipient = q.recipient AND e.id <> q.id AND (e.status = 'sending' OR (e.prio, e.id) < (q.prio, q.id))
               AND (e.status = 'sending' OR e.due_at <= fleet.utc_now() AT TIME ZONE 'UTC' OR e.attempts > 0)
             ORDER BY e.prio, e.id LIMIT 1) AS "chatLeader",
           (SELECT jsonb_build_object('from', c.quiet_from, 'until', c.quiet_until, 'timezone', c.timezone)
              FROM companies AS c
             WHERE c.id = q.company_id AND c.quiet_from IS NOT NULL AND c.quiet_until IS NOT NULL) AS "quietHours"
      FROM notifications AS q WHERE q.id = ${id}`.execute(db)
  const [row] = rows
  const pause = row?.channelPause ?? null
  return {
    notice: row?.notice ?? null,
    channelPause: pause && { ...pause, until: new Date(pause.until) },
    groupLeader: row?.groupLeader ?? null,
    chatLeader: row?.chatLeader ?? null,
    quietHours: row?.quietHours ?? null,
  }
}
