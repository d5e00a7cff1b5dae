import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import type { Check, DatabaseContext, Examination, HostContext } from './check.ts'
import { databaseChecks, hostChecks, measuringChecks } from './checks.ts'
import { foundDatabase } from './database-check.ts'
import { examineOne } from './examine-one.ts'

/** For each check. */
const usualPatienceMs = 10_000
/** So many checks ask the database at once, and so many connections are wanted: more would wait for one, and seem to hang. */
export const databaseLanes = 3

/** The database to look at, or why there is none. */
export type DatabaseAccess = { readonly db: Kysely<DB> } | { readonly obstacle: string; readonly remedy: string }

export type Examined = Examination & { readonly name: string }

export interface Diagnosis {
  /** In the order of the checks. */
  readonly checks: readonly Examined[]
  readonly errors: number
  readonly warnings: number
}

export interface ExamineOptions {
  readonly host: HostContext
  readonly database: DatabaseAccess
  /** What each check has: 10 s by default. */
  readonly patienceMs?: number
  /** Told whenever a check begins or ends, with those that are under way. */
  readonly onProgress?: (underWay: readonly string[]) => void
}

/**
 * Runs every check, several at once. One that fails or hangs is a finding of its own and keeps none of the others from being made; without a database
 * those that need none are.
 */
export async function examineAll(options: ExamineOptions): Promise<Diagnosis> {
  const { host, database, patienceMs = usualPatienceMs, onProgress = () => {} } = options
  const underWay = new Set<string>()
  const run = async <Context>(check: Check<Context>, context: Context): Promise<Examined> => {
    underWay.add(check.name)
    onProgress([...underWay])
    const examination = await examineOne(check, context, patienceMs)
    underWay.delete(check.name)
    onProgress([...underWay])
    return { name: check.name, ...examination }
  }
  const [ofHost, ofDatabase] = await Promise.all([
    Promise.all(hostChecks.map((check) => run(check, host))),
    'db' in database ? examineDatabase({ ...host, db: database.db }, run) : withoutDatabase(database),
  ])
  return summarize([...ofHost, ...ofDatabase])
}

type Run = <Context>(check: Check<Context>, context: Context) => Promise<Examined>

async function examineDatabase(context: DatabaseContext, run: Run): Promise<Examined[]> {
  const measured: Examined[] = []
  for (const check of measuringChecks) measured.push(await run(check, context))
  const waiting = [...databaseChecks]
  const examined = new Map<string, Examined>()
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      examined.set(check.name, await run(check, context))
    }
  }
  await Promise.all(Array.from({ length: databaseLanes }, work))
  return tellOnce([...measured, ...databaseChecks.flatMap(({ name }) => examined.get(name) ?? [])])
}

function withoutDatabase({ obstacle, remedy }: { obstacle: string; remedy: string }): Examined[] {
  const finding = foundDatabase('DATABASE_UNREACHABLE', { what: obstacle, remedy })
  return tellOnce([...measuringChecks, ...databaseChecks].map(({ name }) => ({ name, findings: [finding] })))
}

/** That the database is gone every check finds: the first tells it, the others were not made. */
function tellOnce(examined: readonly Examined[]): Examined[] {
  const isGone = ({ findings }: Examined) => findings.some(({ code }) => code === 'DATABASE_UNREACHABLE')
  const first = examined.find(isGone)
  return examined.map((one) =>
    one !== first && isGone(one) ? { name: one.name, findings: [], skipped: 'the database is out of reach' } : one,
  )
}

function summarize(checks: readonly Examined[]): Diagnosis {
  const findings = checks.flatMap((examination) => examination.findings)
  const errors = findings.filter(({ severity }) => severity === 'error').length
  return { checks, errors, warnings: findings.length - errors }
}
