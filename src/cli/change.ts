import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'
import { databaseNow } from '../ops/clock.ts'
import type { MessageFilter } from '../ops/message-filter.ts'
import {
  applyChange,
  type ChangePreview,
  type ChangeReport,
  previewChange,
  type StatusChange,
} from '../ops/status-change.ts'
import { currentActor } from './actor.ts'
import type { Answer } from './answer.ts'
import { usageError } from './cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from './consent.ts'
import { exitStatus } from './exit-status.ts'
import { type CommonFilterOptions, givenFilters } from './filter-options.ts'
import { type MessageWords, unknownMessages } from './message-words.ts'
import type { Session } from './session.ts'
import { describeExamples, describeSkipped } from './skipped.ts'
import { countOf, formatCount, listCounts } from './words.ts'

type Action = StatusChange<never>['action']

/** A command that changes the status of messages. */
export interface ChangeCommand<Options, Filter extends MessageFilter> {
  readonly change: StatusChange<Filter>
  readonly words: MessageWords
  /** The filter that the options make, with durations counted back from `now`. */
  toFilter(options: Options, now: Date, db: Kysely<DB>): Filter | Promise<Filter>
}

const verbs = {
  replay: { imperative: 'Replay', past: 'Replayed' },
  release: { imperative: 'Release', past: 'Released' },
  cancel: { imperative: 'Cancel', past: 'Cancelled' },
} as const satisfies Record<Action, object>

/** Finds out what is meant, asks where that is not plain, changes it and reports. */
export async function changeMessages<
  Options extends CommonFilterOptions & ConsentOptions,
  Filter extends MessageFilter,
>(session: Session, command: ChangeCommand<Options, Filter>, options: Options): Promise<Answer> {
  const { change, words } = command
  const { noun } = words
  const filters = givenFilters(options)
  if (filters.length === 0) {
    throw usageError(
      `say which ${noun}s to ${change.action}`,
      `with --id, or with filters: ${words.command} ${change.action} --help`,
    )
  }
  // Who names every message by its id has said which.
  const mustAsk = filters.some((name) => name !== 'id')
  if (mustAsk) requireSomebody(session, options, `this may change more than one ${noun}`)
  const db = await session.openDatabase()
  const filter = await command.toFilter(options, await databaseNow(db), db)
  const request = { filter, limit: options.limit }
  const preview = () => session.progress(`Looking for ${noun}s`, () => previewChange(db, change, request))
  const told = { action: change.action, words }
  if (options.dryRun === true) return answerPreview(told, await preview())
  if (mustAsk && options.yes !== true) await ask(session, told, await preview())
  const actor = currentActor()
  const report = await session.progress(`Changing ${noun}s`, () => applyChange(db, change, { ...request, actor }))
  return answerReport(told, report, new Set(filter.ids).size)
}

interface Told {
  readonly action: Action
  readonly words: MessageWords
}

async function ask(session: Session, told: Told, preview: ChangePreview): Promise<void> {
  const warning = warnOfDuplicates(told, preview)
  if (preview.count <= 1 && warning === undefined) return
  if (warning !== undefined) session.say(warning)
  await requireYes(session, {}, `${verbs[told.action].imperative} ${describeCount(told, preview)}?`)
}

/** What is sent again although it may have arrived. */
function warnOfDuplicates({ action }: Told, { count, ambiguous }: ChangeReport): string | undefined {
  if (action === 'cancel' || ambiguous === 0) return undefined
  const which = count === 1 ? 'It' : ambiguous === count ? 'All of them' : `${formatCount(ambiguous)} of them`
  return `${which} may have arrived already, and may then arrive twice.`
}

/** `3 mails (2 pending, 1 held)`; `1 notification (1 failed) and 2 that go out with it`. */
function describeCount({ words }: Told, { count, byStatus, members = 0 }: ChangeReport): string {
  const statuses = count > 0 ? ` (${listCounts(byStatus)})` : ''
  const digest = members > 0 ? ` and ${formatCount(members)} that go out with ${count === 1 ? 'it' : 'them'}` : ''
  return `${countOf(count, words.noun)}${statuses}${digest}`
}

function answerPreview(told: Told, preview: ChangePreview): Answer {
  const { action, words } = told
  const { count, examples, skipped } = preview
  return {
    document: { action, dryRun: true, ...preview },
    text: (screen) =>
      [
        `Would ${action} ${describeCount(told, preview)}.`,
        ...[warnOfDuplicates(told, preview)].filter((line) => line !== undefined),
        ...describeSkipped(skipped, { action, noun: words.noun }),
        ...describeExamples(examples, { screen, count }),
      ].join('\n'),
  }
}

function answerReport(told: Told, report: ChangeReport, named: number): Answer {
  const { action, words } = told
  const { count, byStatus, skipped } = report
  const unknown = skipped.find(({ reason }) => reason === 'unknown')
  if (count === 0 && unknown !== undefined && unknown.count === named) throw unknownMessages(words, unknown.ids)
  const warning = warnOfDuplicates(told, report)
  const lines = [`${verbs[action].past} ${describeCount(told, report)}.`, ...(warning === undefined ? [] : [warning])]
  if (action === 'cancel' && byStatus.sending) lines.push('Those that were being sent may be out already.')
  return {
    document: { action, dryRun: false, ...report },
    text: () => [...lines, ...describeSkipped(skipped, { action, noun: words.noun })].join('\n'),
    exitStatus: unknown === undefined ? exitStatus.done : exitStatus.failed,
  }
}
