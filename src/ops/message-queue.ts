import type { Kysely, RawBuilder } from 'kysely'
import type { DB } from '../db/schema.ts'
import type { MessageFilter } from './message-filter.ts'
import type { MoreCounts, StatusChange } from './status-change.ts'

/** A queue whose messages operators look for and change. In the SQL that it gives, `q` is a row of it. */
export interface MessageQueue<Filter extends MessageFilter> {
  readonly table: 'email_queue' | 'notifications'
  /** The filter as a condition, but for the statuses. `changed` says when the status of the row last changed. */
  condition(filter: Filter, changed: RawBuilder<Date>): RawBuilder<boolean>
  /** Every message, wherever it is kept, as something to select from. */
  every(db: Kysely<DB>): Promise<RawBuilder<unknown>>
  /**
   * A query of the messages that the filter means and the change is made from: id, status, prio, what speaks against it (`obstacle`),
   * whether it may have arrived (`ambiguous`).
   */
  meant(change: StatusChange<Filter>, filter: Filter): RawBuilder<unknown>
  /** A query of recipient and subject of the message with the id of `first`. */
  readonly example: RawBuilder<unknown>
  /** What else is counted of those that are `changed`: an object of JSON. */
  readonly counts: RawBuilder<MoreCounts>
}
