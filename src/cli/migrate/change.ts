import type { Kysely } from 'kysely'
import { adoptionReport } from '../../db/adoption/report.ts'
import type { MigrationStep } from '../../db/migration-error.ts'
import { describeHolder, type LockWait } from '../../db/migration-lock.ts'
import type { MigrationPlan } from '../../db/migration-plan.ts'
import { migrateDown, migrateTo, migrateUp, refuseObstacles } from '../../db/migrator.ts'
import type { DB } from '../../db/schema.ts'
import { countLostRows, type LostRows } from '../../ops/lost-rows.ts'
import { type MigrationGoal, planMigration } from '../../ops/migration-plan.ts'
import type { Answer } from '../answer.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import type { Session } from '../session.ts'
import { renderTable } from '../table.ts'
import { countOf, formatCount } from '../words.ts'
import { renderAdoption } from './adoption.ts'
import { readTarget } from './target.ts'

export interface ChangeSchemaOptions extends ConsentOptions, WaitOptions {}

export interface WaitOptions {
  /** Seconds. */
  readonly wait?: number
}

export async function migrateUpwards(session: Session, options: ChangeSchemaOptions): Promise<Answer> {
  const db = await open(session)
  if (options.dryRun === true) return rehearse(db, 'up')
  return answerUp(db, await session.progress('Migrating', () => migrateUp(db, waiting(session, options))))
}

export async function migrateOneDown(session: Session, options: ChangeSchemaOptions): Promise<Answer> {
  requireSomebody(session, options, 'this reverts a migration, with what rows its tables hold')
  const db = await open(session)
  if (options.dryRun === true) return rehearse(db, 'down')
  const plan = await planWithLosses(db, 'down')
  await consent(session, plan, options)
  return answerSteps(await session.progress('Migrating', () => migrateDown(db, waiting(session, options))))
}

export async function migrateToName(session: Session, name: string, options: ChangeSchemaOptions): Promise<Answer> {
  const db = await open(session)
  const target = readTarget(name)
  if (options.dryRun === true) return rehearse(db, { to: target })
  const plan = await planWithLosses(db, { to: target })
  if (plan.direction === 'down' && plan.names.length > 0) {
    requireSomebody(
      session,
      options,
      `this reverts ${countOf(plan.names.length, 'migration')}, with what rows their tables hold`,
    )
    await consent(session, plan, options)
  }
  const steps = await session.progress('Migrating', () => migrateTo(db, target, waiting(session, options)))
  return plan.direction === 'up' ? answerUp(db, steps) : answerSteps(steps)
}

/** Says whom it waits for, once. */
export function waiting(session: Session, { wait }: WaitOptions): LockWait {
  return {
    waitMs: wait === undefined ? undefined : wait * 1000,
    onWaiting: (holder) =>
      session.say(`waiting: ${holder ? describeHolder(holder) : 'another process'} is migrating this database`),
  }
}

interface PlanWithLosses extends MigrationPlan {
  readonly lost: readonly LostRows[]
}

async function planWithLosses(db: Kysely<DB>, goal: MigrationGoal): Promise<PlanWithLosses> {
  const plan = await planMigration(db, goal)
  return { ...plan, lost: plan.direction === 'down' ? await countLostRows(db, plan.names) : [] }
}

function open(session: Session): Promise<Kysely<DB>> {
  return session.openDatabase({ direct: true, unmigrated: true })
}

async function consent(session: Session, plan: PlanWithLosses, options: ConsentOptions): Promise<void> {
  if (plan.names.length === 0 || options.yes === true) return
  session.say(`This reverts:\n${listNames(plan)}\n${describeLosses(plan)}`)
  await requireYes(session, options, 'Go on?')
}

/** Says what it would do, and refuses where it would refuse. */
async function rehearse(db: Kysely<DB>, goal: MigrationGoal): Promise<Answer> {
  const plan = await planWithLosses(db, goal)
  await refuseObstacles(db, plan)
  return answerPlan(plan)
}

function answerPlan(plan: PlanWithLosses): Answer {
  const { direction, names, lost } = plan
  const verb = direction === 'up' ? 'apply' : 'revert'
  return {
    document: {
      dryRun: true,
      steps: names.map((name) => ({ name, direction, ms: null })),
      ...(direction === 'down' ? { lost } : {}),
    },
    text: () => {
      if (names.length === 0) return nothingToDo
      const losses = direction === 'down' ? `\n${describeLosses(plan)}` : ''
      return `Would ${verb}:\n${listNames(plan)}${losses}`
    },
  }
}

function listNames({ names }: MigrationPlan): string {
  return names.map((name) => `  ${name}`).join('\n')
}

function describeLosses({ lost }: PlanWithLosses): string {
  if (lost.length === 0) return 'No row would be lost.'
  return `Rows that would be lost:\n${lost.map(({ table, rows }) => `  ${table}: ${formatCount(rows)}`).join('\n')}`
}

const nothingToDo = 'Nothing to do.'

/** With what these steps found in the database and changed of it. */
async function answerUp(db: Kysely<DB>, steps: readonly MigrationStep[]): Promise<Answer> {
  const answer = answerSteps(steps)
  const adoption = steps.length === 0 ? null : await adoptionReport(db)
  if (adoption === null) return answer
  return {
    document: { dryRun: false, steps, adoption },
    text: (screen) => `${answer.text(screen)}\n${renderAdoption(adoption, screen)}`,
  }
}

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
