import type { Kysely } from 'kysely'
import type { MigrationStep } from '../../db/migration-error.ts'
import { migrateDown, migrateTo, migrateUp } from '../../db/migrator.ts'
import type { DB } from '../../db/schema.ts'
import { type MigrationPlan, planDown, planTo, planUp } from '../../ops/migration-plan.ts'
import type { Answer } from '../answer.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import type { Session } from '../session.ts'
import { renderTable } from '../table.ts'
import { countOf, formatCount } from '../words.ts'

export type ChangeSchemaOptions = ConsentOptions

export async function migrateUpwards(session: Session, options: ChangeSchemaOptions): Promise<Answer> {
  const db = await open(session)
  if (options.dryRun === true) return answerPlan(await planUp(db))
  return answerSteps(await session.progress('Migrating', () => migrateUp(db)))
}

export async function migrateOneDown(session: Session, options: ChangeSchemaOptions): Promise<Answer> {
  requireSomebody(session, options, 'this reverts a migration with the rows that its tables hold')
  const db = await open(session)
  const plan = await planDown(db)
  if (options.dryRun === true) return answerPlan(plan)
  await consent(session, plan, options)
  return answerSteps(await session.progress('Migrating', () => migrateDown(db)))
}

export async function migrateToName(session: Session, name: string, options: ChangeSchemaOptions): Promise<Answer> {
  const db = await open(session)
  const plan = await planTo(db, name)
  if (options.dryRun === true) return answerPlan(plan)
  if (plan.direction === 'down' && plan.names.length > 0) {
    requireSomebody(
      session,
      options,
      `this reverts ${countOf(plan.names.length, 'migration')} with the rows that their tables hold`,
    )
    await consent(session, plan, options)
  }
  return answerSteps(await session.progress('Migrating', () => migrateTo(db, name)))
}

function open(session: Session): Promise<Kysely<DB>> {
  return session.openDatabase({ direct: true, unmigrated: true })
}

async function consent(session: Session, { names }: MigrationPlan, options: ConsentOptions): Promise<void> {
  if (names.length === 0 || options.yes === true) return
  session.say(`This reverts, with the rows that their tables hold:\n${names.map((name) => `  ${name}`).join('\n')}`)
  await requireYes(session, options, 'Go on?')
}

function answerPlan({ direction, names }: MigrationPlan): Answer {
  const verb = direction === 'up' ? 'apply' : 'revert'
  const text = names.length === 0 ? nothingToDo : `Would ${verb}:\n${names.map((name) => `  ${name}`).join('\n')}`
  return {
    document: { dryRun: true, steps: names.map((name) => ({ name, direction, ms: null })) },
    text: () => text,
  }
}

const nothingToDo = 'Nothing to do.'

function answerSteps(steps: readonly MigrationStep[]): Answer {
  const columns = [{ title: 'MIGRATION' }, { title: 'DONE' }, { title: 'MS', align: 'right' as const }]
  const rows = steps.map(({ name, direction, ms }) => [
    { text: name },
    { text: direction === 'up' ? 'applied' : 'reverted' },
    { text: formatCount(ms) },
  ])
  return {
    document: { dryRun: false, steps },
    text: (screen) => (steps.length === 0 ? nothingToDo : renderTable(columns, rows, screen)),
  }
}
