import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { pendingMigrations } from '../../db/migration-state.ts'
import { isUnreachable } from '../../db/pool.ts'
import type { DB } from '../../db/schema.ts'
import type { Check, Examination } from './check.ts'
import { foundDatabase } from './database-check.ts'
import { findingsOf } from './finding.ts'

/** What can be found of any check. */
export const generalKinds = {
  CHECK_FAILED: {
    severity: 'error',
    what: 'a check came to no answer',
    why: 'Whatever is wrong with it stays unseen.',
    remedy: 'if the reason does not say what to do, it is a fault of the fleet: report it',
  },
  CHECK_NOT_ALLOWED: {
    severity: 'warning',
    what: 'the user of `DATABASE_URL` may not look at something, as a worker may not at passwords',
    why: 'Whatever is wrong with it stays unseen.',
    remedy: 'run fleet doctor with the DATABASE_URL of the owner of the database as well',
  },
  CHECK_TIMED_OUT: {
    severity: 'error',
    what: 'a check had no answer within 10 s',
    why: 'What it asks hangs, and whatever else is wrong with it stays unseen.',
    remedy: "look what it waits for: in psql, SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  },
} as const

const found = findingsOf(generalKinds)

/** What the check has found, or why it came to no answer. Never rejects for what a database can do. */
export async function examineOne<Context>(
  check: Check<Context>,
  context: Context,
  patienceMs: number,
): Promise<Examination> {
  const done = new AbortController()
  try {
    const late = delay(patienceMs, timedOut(patienceMs), { signal: done.signal })
    late.catch(() => {})
    return await Promise.race([check.examine(context), late])
  } catch (error) {
    return explain(error, context, patienceMs)
  } finally {
    done.abort()
  }
}

function timedOut(patienceMs: number): Examination {
  return { findings: [found('CHECK_TIMED_OUT', { what: `no answer within ${patienceMs / 1000} s` })] }
}

/** query_canceled, which is how PostgreSQL ends a statement that takes too long. */
const canceled = '57014'
/** insufficient_privilege */
const notAllowed = '42501'
/** A table, column, function or schema that does not exist. */
const missingObjects = new Set(['42P01', '42703', '42883', '3F000'])

async function explain(error: unknown, context: unknown, patienceMs: number): Promise<Examination> {
  if (!(error instanceof Error)) throw error
  const code = 'code' in error ? String(error.code) : ''
  if (code === canceled) return timedOut(patienceMs)
  const db = databaseOf(context)
  if (db !== undefined && isUnreachable(error)) {
    return {
      findings: [foundDatabase('DATABASE_UNREACHABLE', { what: `the connection was lost: ${error.message || code}` })],
    }
  }
  if (missingObjects.has(code) && db !== undefined && (await lacksMigrations(db))) {
    return { findings: [], skipped: 'not looked at until the migrations are applied' }
  }
  if (code === notAllowed) return { findings: [found('CHECK_NOT_ALLOWED', { what: error.message })] }
  return { findings: [found('CHECK_FAILED', { what: `this could not be looked at: ${error.message}` })] }
}

function databaseOf(context: unknown): Kysely<DB> | undefined {
  return typeof context === 'object' && context !== null && 'db' in context ? (context.db as Kysely<DB>) : undefined
}

async function lacksMigrations(db: Kysely<DB>): Promise<boolean> {
  const pending = await pendingMigrations(db).catch(() => [])
  return pending.length > 0
}
