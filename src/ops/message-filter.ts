import { type RawBuilder, sql } from 'kysely'

/** Which messages of a queue are meant: those for which everything given holds. */
export interface MessageFilter {
  readonly ids?: readonly number[] | undefined
  readonly statuses?: readonly string[] | undefined
  /** The last change of status was then or later. */
  readonly since?: Date | undefined
  /** The last change of status was before. */
  readonly until?: Date | undefined
  readonly errorClass?: string | undefined
  /** Contained in the last error, whatever the case. */
  readonly errorText?: string | undefined
  /** As the workers see them. */
  readonly priorities?: readonly number[] | undefined
}

type Condition = RawBuilder<unknown> | undefined | false

/**
 * A filter as a condition on row `q`, but for the statuses: what every queue has in common, and `more`. `changed` says when the status of
 * the row last changed.
 */
export function messageCondition(
  { ids, since, until, errorClass, errorText, priorities }: MessageFilter,
  changed: RawBuilder<Date>,
  more: readonly Condition[],
): RawBuilder<boolean> {
  const conditions = [
    ids && sql`q.id = ANY(${ids}::int[])`,
    since && sql`${changed} >= ${since}::timestamp`,
    until && sql`${changed} < ${until}::timestamp`,
    errorClass !== undefined && sql`q.error_class = ${errorClass}`,
    errorText !== undefined && sql`q.last_error ILIKE ${`%${escapeLike(errorText)}%`}`,
    priorities && sql`q.prio = ANY(${priorities}::int[])`,
    ...more,
  ].filter((condition) => condition !== undefined && condition !== false)
  return conditions.length === 0 ? sql`true` : sql`(${sql.join(conditions, sql` AND `)})`
}

/** Text as a pattern of LIKE that means it letter by letter. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}
