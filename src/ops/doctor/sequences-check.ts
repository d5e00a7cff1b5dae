import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'

const warnedShare = 0.7
const nearlyOutShare = 0.9

const kinds = {
  SEQUENCE_RUNNING_OUT: {
    severity: 'warning',
    what: 'more than 70 % of the numbers that a column can hold are used',
    why: 'Past the last one no row can be inserted: no mail queued, no notice, no order.',
    remedy:
      'plan the change to bigint with the platform: ALTER TABLE … ALTER … TYPE bigint rewrites the table under a lock',
  },
  SEQUENCE_NEARLY_OUT: {
    severity: 'error',
    what: 'more than 90 % are',
    why: 'Soon no row can be inserted: no mail queued, no notice, no order.',
    remedy:
      'change it to bigint now, with the platform stopped: ALTER TABLE … ALTER … TYPE bigint rewrites the table under a lock',
  },
} as const

const found = findingsOf(kinds)

interface Used {
  readonly column: string
  readonly last: string
  readonly share: number
  readonly alteration: string
}

/** Whether the columns that are numbered one by one have numbers left. */
export const sequencesCheck: Check<DatabaseContext> = {
  name: 'sequences',
  kinds,
  async examine({ db }) {
    const used = await listUsed(db)
    const worst = used[0]
    const findings = used.filter(({ share }) => share > warnedShare).map(usedFinding)
    const fine =
      worst === undefined ? 'none has begun' : `no more than ${percent(worst.share)} of any is used (${worst.column})`
    return fineUnless(findings, fine)
  },
}

function usedFinding({ column, last, share, alteration }: Used): Finding {
  const code = share > nearlyOutShare ? 'SEQUENCE_NEARLY_OUT' : 'SEQUENCE_RUNNING_OUT'
  const when =
    code === 'SEQUENCE_NEARLY_OUT' ? 'now, with the platform stopped' : 'at a planned time, with the platform stopped'
  return found(code, {
    what: `${column} has reached ${last}, ${percent(share)}`,
    remedy: `${when}: ${alteration} (it rewrites the table under a lock; columns that refer to it need the same)`,
  })
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`
}

/** Those of the platform's tables and the fleet's, the fullest first. A sequence may go further than the column that it fills. */
async function listUsed(db: Kysely<DB>): Promise<Used[]> {
  const { rows } = await sql<Used>`
    WITH filled AS (
      SELECT d.refobjid::regclass::text || '.' || a.attname AS column, s.last_value,
             least(s.max_value, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE s.max_value END) AS highest,
             format('ALTER TABLE %s ALTER %I TYPE bigint', d.refobjid::regclass, a.attname) AS alteration
        FROM pg_sequences s
        JOIN pg_class c ON c.relname = s.sequencename AND c.relnamespace = to_regnamespace(quote_ident(s.schemaname))
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       WHERE s.schemaname IN ('public', 'fleet') AND s.increment_by > 0 AND NOT s.cycle AND s.last_value IS NOT NULL)
    SELECT "column", to_char(last_value, 'FM999,999,999,999,999,999,999') AS last, last_value::float8 / highest AS share, alteration
      FROM filled
     ORDER BY share DESC, 1`.execute(db)
  return rows
}
