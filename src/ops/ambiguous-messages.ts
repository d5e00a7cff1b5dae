import { type RawBuilder, sql } from 'kysely'

const ledgers = {
  email_queue: { attempts: 'fleet.email_attempts', rowId: 'email_id', handovers: 'fleet.email_handovers' },
  notifications: {
    attempts: 'fleet.notification_attempts',
    rowId: 'notification_id',
    handovers: 'fleet.notification_handovers',
  },
} as const

export type AmbiguousTable = keyof typeof ledgers

/**
 * Whether the next system may have the message of row `alias` although nobody knows: an answer was lost, or a worker died that had handed
 * it over, in this attempt or one before. To send such a message again may be to send it twice.
 */
export function isAmbiguous(table: AmbiguousTable, alias = 'q'): RawBuilder<boolean> {
  const { attempts, rowId } = ledgers[table]
  const column = (name: string) => sql.ref(`${alias}.${name}`)
  return sql`
    (coalesce(${column('error_class')} = 'answer_lost', false)
     OR EXISTS (SELECT FROM ${sql.table(attempts)} AS attempt
                 WHERE attempt.${sql.id(rowId)} = ${column('id')} AND attempt.outcome = 'ambiguous')
     OR ${isHandedOver(table, alias)})`
}

/** Whether the next system was about to have the message of row `alias` under its last claim, and nothing is known of it since. */
export function isHandedOver(table: AmbiguousTable, alias = 'q'): RawBuilder<boolean> {
  const { handovers } = ledgers[table]
  return sql`EXISTS (SELECT FROM ${sql.table(handovers)} AS mark WHERE mark.token = ${sql.ref(`${alias}.claim_token`)})`
}
