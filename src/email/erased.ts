import { type RawBuilder, sql } from 'kysely'

/** What stands in the place of an address that was erased. Nothing is ever sent there. */
export const erasedAddress = 'erased@invalid'

/** Assignments that erase what a mail says, in the queue and in the archive; the rest of the row stays. */
export const eraseContent: RawBuilder<unknown> = sql`
  subject = '', body = '', html = NULL, variables = NULL, erased_at = coalesce(erased_at, fleet.utc_now() AT TIME ZONE 'UTC')`
