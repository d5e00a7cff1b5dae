import { lastApplied, renderScript } from '../../ops/migration-script.ts'
import type { Answer } from '../answer.ts'
import { CliError, usageError } from '../cli-error.ts'
import type { Session } from '../session.ts'
import { readTarget } from './target.ts'

export interface ScriptOptions {
  readonly from?: string
  readonly to?: string
  readonly down?: boolean
}

/** Prints the SQL; asks the database what is applied only where `--from` does not say it. */
export async function printScript(session: Session, { from, to, down }: ScriptOptions): Promise<Answer> {
  const direction = down === true ? 'down' : 'up'
  const start = from === undefined ? await findStart(session) : readTarget(from)
  const target = to === undefined ? undefined : readTarget(to)
  const { names, sql } = await renderScript({ from: start, to: target, direction }).catch(toUsage)
  if (names.length === 0) session.say('Nothing to do: the script is empty.')
  return { document: { from: start, direction, migrations: names, sql }, text: () => sql }
}

/** Without a database everything is pending. */
async function findStart(session: Session): Promise<string | null> {
  try {
    return await lastApplied(await session.openDatabase({ direct: true, unmigrated: true }))
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'EMBEDDED_NOT_RUNNING') throw error
    session.say('No database is configured: this is the SQL for an empty one. --from NAME names another start.')
    return null
  }
}

function toUsage(error: unknown): never {
  if (!(error instanceof RangeError)) throw error
  throw usageError(error.message, 'give --down to go back, leave it out to go on')
}
