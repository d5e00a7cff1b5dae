import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

export interface CountedViews {
  /** Rows of `fleet.uncounted_views` that the batch looked at; 0 where there are none behind `from`. */
  readonly rows: number
  readonly views: number
  /** AR content whose count has changed. */
  readonly contents: number
  /** Rows left to the next pass: somebody, another pass perhaps, has their content locked. */
  readonly left: number
  /** Where the next batch goes on; null where this one found nothing. */
  readonly to: string | null
}

const noViews: CountedViews = { rows: 0, views: 0, contents: 0, left: 0, to: null }

/**
 * Adds what `fleet.uncounted_views` holds behind row `from` to the counts of its AR content, and takes it away: one statement, both or
 * neither. Whoever has locked the content alone counts its views, and nobody is waited for. What belongs to content that is no more is
 * taken away only; a count that would leave its column's range stays at the end of it.
 */
export async function countViewBatch(db: Kysely<DB>, from: string, size: number): Promise<CountedViews> {
  const { rows } = await sql<CountedViews>`
    WITH waiting AS MATERIALIZED (
      SELECT id, ar_content_id
        FROM fleet.uncounted_views
       WHERE id > ${from}::bigint
       ORDER BY id
       LIMIT ${sql.lit(size)}
    ),
    known AS MATERIALIZED (
      SELECT id FROM ar_content WHERE id IN (SELECT ar_content_id FROM waiting)
    ),
    free AS MATERIALIZED (
      SELECT id
        FROM ar_content
       WHERE id IN (SELECT ar_content_id FROM waiting)
       ORDER BY id
         FOR NO KEY UPDATE SKIP LOCKED
    ),
    taken AS (
      DELETE FROM fleet.uncounted_views AS u
       USING waiting AS w
       WHERE u.id = w.id
         AND (w.ar_content_id IN (SELECT id FROM free) OR w.ar_content_id NOT IN (SELECT id FROM known))
   RETURNING u.ar_content_id, u.views, u.last_viewed_at
    ),
    counted AS (
      UPDATE ar_content AS c
         SET views_count    = least(coalesce(c.views_count, 0) + t.views, 2147483647),
             last_viewed_at = greatest(c.last_viewed_at, t.last_viewed_at)
        FROM (SELECT ar_content_id, sum(views) AS views, max(last_viewed_at) AS last_viewed_at
                FROM taken GROUP BY ar_content_id) AS t
       WHERE c.id = t.ar_content_id
   RETURNING t.views
    )
    SELECT (SELECT count(*) FROM waiting)::int AS rows,
           (SELECT max(id) FROM waiting)::text AS "to",
           (SELECT count(*) FROM waiting)::int - (SELECT count(*) FROM taken)::int AS "left",
           (SELECT coalesce(sum(views), 0) FROM counted)::float8 AS views,
           (SELECT count(*) FROM counted)::int AS contents`.execute(db)
  return rows[0] ?? noViews
}
