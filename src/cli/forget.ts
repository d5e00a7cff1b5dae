import type { AddressPattern } from '../ops/address-pattern.ts'
import { matcherOf } from '../ops/forget/address-matcher.ts'
import { forget, MissingRights, previewForget } from '../ops/forget/forget.ts'
import type { ForgetReport, ForgottenRows, LeftRows, PlatformRows } from '../ops/forget/report.ts'
import { currentActor } from './actor.ts'
import type { Answer } from './answer.ts'
import { CliError, usageError } from './cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from './consent.ts'
import { exitStatus } from './exit-status.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { renderTable } from './table.ts'
import { countOf, formatCount, listIds } from './words.ts'

export interface ForgetOptions extends ConsentOptions {
  readonly reason?: string
}

export async function forgetAddress(session: Session, given: AddressPattern, options: ForgetOptions): Promise<Answer> {
  if (given.localPart === undefined) throw usageError('a whole domain is nobody', 'give one address: name@example.org')
  requireSomebody(session, options, 'what is erased is gone for good')
  const matcher = matcherOf(given)
  const db = await session.openDatabase()
  const signal = new AbortController().signal
  const follow = (work: (onTable: (table: string) => void) => Promise<ForgetReport>) =>
    session.progress('Looking for the address', (tell) => work((table) => tell(`Looking through ${table}`)))
  try {
    if (options.yes !== true || options.dryRun === true) {
      const preview = await follow((onTable) => previewForget(db, { matcher }, { signal, onTable }))
      if (options.dryRun === true) return answer(given, preview, { dryRun: true })
      session.say(describe(given, preview, { dryRun: true, screen: session.screen }))
      await requireYes(session, options, 'Erase it for good?')
    }
    const request = { matcher, actor: currentActor(), reason: options.reason }
    return answer(given, await follow((onTable) => forget(db, request, { signal, onTable })), { dryRun: false })
  } catch (error) {
    throw error instanceof MissingRights ? lackingRights(error) : error
  }
}

function answer(given: AddressPattern, report: ForgetReport, { dryRun }: { dryRun: boolean }): Answer {
  return {
    document: { action: 'forget', dryRun, ...report },
    text: (screen) => describe(given, report, { dryRun, screen }),
    exitStatus: dryRun || report.left.length === 0 ? exitStatus.done : exitStatus.found,
  }
}

function describe(
  { text }: AddressPattern,
  { done, left, platform, unread }: ForgetReport,
  { dryRun, screen }: { dryRun: boolean; screen: Screen },
): string {
  const heading = `${dryRun ? 'Would erase' : 'Erased'} ${text}:`
  const nothing = `Nothing ${dryRun ? 'to erase' : 'was left to erase'} of ${text}.`
  return [
    done.length === 0 ? nothing : `${heading}\n${renderDone(done, screen)}`,
    left.length === 0 ? '' : `Left, to be erased by running it again:\n${renderLeft(left, screen)}`,
    platform.length === 0
      ? ''
      : `In the platform's tables, which the platform has to erase:\n${renderPlatform(platform, screen)}`,
    unread.length === 0 ? '' : `Not looked into, for want of rights: ${unread.join(', ')}.`,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

const doneWords = {
  erased: 'ended: what they said goes',
  cancelled: 'wait for nobody else: cancelled, and what they said goes',
  taken_out: 'wait, for others too: taken out of the recipients',
  masked: 'the address goes, the rest stays',
} as const satisfies Record<ForgottenRows['what'], string>

const leftWords = {
  waits: 'wait to be sent to others; what they say goes once they have ended',
  being_sent: 'a worker has them in hand',
  locked: 'another session was writing to them',
} as const satisfies Record<LeftRows['reason'], string>

function renderDone(done: readonly ForgottenRows[], screen: Screen): string {
  const rows = done.map(({ table, rows, what }) => [
    { text: table },
    { text: formatCount(rows) },
    { text: doneWords[what] },
  ])
  return renderTable([{ title: 'TABLE' }, { title: 'ROWS', align: 'right' }, { title: 'WHAT' }], rows, screen)
}

function renderLeft(left: readonly LeftRows[], screen: Screen): string {
  const rows = left.map(({ table, rows, ids, reason }) => [
    { text: table },
    { text: formatCount(rows) },
    { text: leftWords[reason] },
    { text: listIds(ids, rows) },
  ])
  const columns = [{ title: 'TABLE' }, { title: 'ROWS', align: 'right' as const }, { title: 'WHY' }, { title: 'IDS' }]
  return renderTable(columns, rows, screen)
}

function renderPlatform(platform: readonly PlatformRows[], screen: Screen): string {
  const rows = platform.map(({ table, columns, rows, ids }) => [
    { text: table },
    { text: formatCount(rows) },
    { text: columns.join(', ') },
    { text: listIds(ids, rows) },
  ])
  const columns = [
    { title: 'TABLE' },
    { title: 'ROWS', align: 'right' as const },
    { title: 'COLUMNS' },
    { title: 'IDS' },
  ]
  return renderTable(columns, rows, screen)
}

const namedRights = 6

function lackingRights(error: MissingRights): CliError {
  const { role, lacking } = error
  const rest = lacking.length - namedRights
  const more = rest > 0 ? ` and ${countOf(rest, 'more right')}` : ''
  return new CliError(`the user ${role} lacks ${lacking.slice(0, namedRights).join(', ')}${more}`, {
    code: 'RIGHTS_LACKING',
    hint: 'run it as the owner of the tables, who has migrated them, or as a superuser; fleet_worker may not rewrite ledgers and the audit log',
    exitStatus: exitStatus.failed,
    cause: error,
  })
}
