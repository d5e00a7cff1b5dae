import { planTo } from '../../db/migration-plan.ts'
import { readMigrationScripts } from '../../db/migration-script.ts'
import { listMigrations } from '../../db/migration-state.ts'
import { stampMigration } from '../../db/migrator.ts'
import type { Answer } from '../answer.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import type { Session } from '../session.ts'
import { countOf } from '../words.ts'
import { type WaitOptions, waiting } from './change.ts'

export async function stampName(
  session: Session,
  name: string,
  options: ConsentOptions & WaitOptions,
): Promise<Answer> {
  requireSomebody(session, options, 'this changes what the database is said to have')
  const pending = (await readMigrationScripts()).map((script) => script.name)
  const { names } = planTo({ applied: [], pending }, name)
  const db = await session.openDatabase({ direct: true, unmigrated: true })
  const applied = (await listMigrations(db)).filter(({ appliedAt }) => appliedAt !== null)
  const forgotten = applied.map((status) => status.name).filter((known) => !names.includes(known))
  const summary = `${countOf(names.length, 'migration')} up to ${name} as applied${
    forgotten.length > 0 ? `, ${countOf(forgotten.length, 'later one')} as not applied` : ''
  }; no statement of theirs is executed`
  if (options.dryRun !== true) {
    if (options.yes !== true) session.say(`This notes ${summary}.`)
    await requireYes(session, options, 'Go on?')
    await stampMigration(db, name, waiting(session, options))
  }
  return {
    document: { dryRun: options.dryRun === true, applied: names, forgotten },
    text: () => (options.dryRun === true ? `Would note ${summary}.` : `Noted ${summary}.`),
  }
}
