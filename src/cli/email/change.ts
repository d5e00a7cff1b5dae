import { cancel } from '../../ops/cancel-mails.ts'
import { databaseNow } from '../../ops/clock.ts'
import { release } from '../../ops/release-mails.ts'
import { replay } from '../../ops/replay-mails.ts'
import {
  applyChange,
  type ChangePreview,
  type ChangeReport,
  type ChangeRequest,
  previewChange,
  type StatusChange,
} from '../../ops/status-change.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { CliError, usageError } from '../cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import { exitStatus } from '../exit-status.ts'
import { type FilterOptions, givenFilters, toMailFilter } from '../filter-options.ts'
import type { Session } from '../session.ts'
import { countOf, formatCount, listCounts } from '../words.ts'
import { describeExamples, describeSkipped } from './skipped.ts'

export type ChangeMailsOptions = FilterOptions & ConsentOptions

export async function replayMails(session: Session, options: ChangeMailsOptions): Promise<Answer> {
  return changeMails(session, replay, options)
}

export async function releaseMails(session: Session, options: ChangeMailsOptions): Promise<Answer> {
  return changeMails(session, release, options)
}

export async function cancelMails(session: Session, options: ChangeMailsOptions): Promise<Answer> {
  return changeMails(session, cancel, options)
}

const verbs = {
  replay: { imperative: 'Replay', past: 'Replayed' },
  release: { imperative: 'Release', past: 'Released' },
  cancel: { imperative: 'Cancel', past: 'Cancelled' },
} as const satisfies Record<StatusChange['action'], object>

async function changeMails(session: Session, change: StatusChange, options: ChangeMailsOptions): Promise<Answer> {
  const filters = givenFilters(options)
  if (filters.length === 0) {
    throw usageError(
      `say which mails to ${change.action}`,
      `with --id, or with filters: fleet email ${change.action} --help`,
    )
  }
  // Who names every mail by its id has said which.
  const mustAsk = filters.some((name) => name !== 'id')
  if (mustAsk) requireSomebody(session, options, 'this may change more than one mail')
  const db = await session.openDatabase()
  const request = { filter: toMailFilter(options, await databaseNow(db)), limit: options.limit }
  const preview = () => session.progress('Looking for mails', () => previewChange(db, change, request))
  if (options.dryRun === true) return answerPreview(change, await preview())
  if (mustAsk && options.yes !== true) await ask(session, change, await preview())
  const actor = currentActor()
  const report = await session.progress('Changing mails', () => applyChange(db, change, { ...request, actor }))
  return answerReport(change, report, request)
}

async function ask(session: Session, change: StatusChange, preview: ChangePreview): Promise<void> {
  const warning = warnOfDuplicates(change, preview)
  if (preview.count <= 1 && warning === undefined) return
  if (warning !== undefined) session.say(warning)
  await requireYes(session, {}, `${verbs[change.action].imperative} ${describeCount(preview)}?`)
}

/** What is sent again although it may have arrived. */
function warnOfDuplicates({ to }: StatusChange, { count, ambiguous }: ChangeReport): string | undefined {
  if (to !== 'pending' || ambiguous === 0) return undefined
  const which = count === 1 ? 'It' : ambiguous === count ? 'All of them' : `${formatCount(ambiguous)} of them`
  return `${which} may have arrived already, and may then arrive twice.`
}

/** `3 mails (2 failed, 1 expired), 1 of them archived`. */
function describeCount({ count, byStatus, archived }: ChangeReport): string {
  const statuses = count > 0 ? ` (${listCounts(byStatus)})` : ''
  const origin = archived > 0 ? `, ${archived === count ? '' : `${formatCount(archived)} of them `}archived` : ''
  return `${countOf(count, 'mail')}${statuses}${origin}`
}

function answerPreview(change: StatusChange, preview: ChangePreview): Answer {
  const { action } = change
  const { count, byStatus, archived, ambiguous, examples, skipped } = preview
  return {
    document: { action, dryRun: true, count, byStatus, archived, ambiguous, examples, skipped },
    text: (screen) =>
      [
        `Would ${action} ${describeCount(preview)}.`,
        ...[warnOfDuplicates(change, preview)].filter((line) => line !== undefined),
        ...describeSkipped(skipped, action),
        ...describeExamples(examples, { screen, count }),
      ].join('\n'),
  }
}

function answerReport(change: StatusChange, report: ChangeReport, { filter }: ChangeRequest): Answer {
  const { action } = change
  const { count, byStatus, archived, ambiguous, skipped } = report
  const unknown = skipped.find(({ reason }) => reason === 'unknown')
  if (count === 0 && unknown !== undefined && unknown.count === new Set(filter.ids).size) {
    const ids = unknown.ids.join(', ')
    throw new CliError(unknown.count === 1 ? `no mail has the id ${ids}` : `no mail has any of the ids ${ids}`, {
      code: 'MAIL_UNKNOWN',
      hint: 'fleet email list shows the latest ones',
      exitStatus: exitStatus.failed,
    })
  }
  const warning = warnOfDuplicates(change, report)
  const lines = [`${verbs[action].past} ${describeCount(report)}.`, ...(warning === undefined ? [] : [warning])]
  if (action === 'cancel' && byStatus.sending) lines.push('Those that were being sent may be out already.')
  return {
    document: { action, dryRun: false, count, byStatus, archived, ambiguous, skipped },
    text: () => [...lines, ...describeSkipped(skipped, action)].join('\n'),
    exitStatus: unknown === undefined ? exitStatus.done : exitStatus.failed,
  }
}
