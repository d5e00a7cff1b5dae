import { databaseNow } from '../../ops/clock.ts'
import type { Replay } from '../../ops/replays/replay.ts'
import { type ReplayResults, readReplayResults } from '../../ops/replays/replay-results.ts'
import { findReplay } from '../../ops/replays/replay-store.ts'
import type { Answer } from '../answer.ts'
import { printable } from '../printable.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { describeSkipped } from '../skipped.ts'
import { renderFacts, renderTable } from '../table.ts'
import { formatExactTime } from '../times.ts'
import { formatCount, paintStatus } from '../words.ts'
import { describeVerdict, paintState, stateWord, unknownReplay } from './words.ts'

export async function showReplay(session: Session, id: number): Promise<Answer> {
  const db = await session.openDatabase()
  const replay = await findReplay(db, id)
  if (replay === undefined) throw unknownReplay(id)
  const results = await session.progress('Counting', () => readReplayResults(db, replay))
  const now = await databaseNow(db)
  return { document: { ...replay, results }, text: (screen) => render(replay, results, { screen, now }) }
}

function render(replay: Replay, results: ReplayResults, { screen, now }: { screen: Screen; now: Date }): string {
  const title = `${screen.colors.bold(`Replay ${replay.id}`)}  ${paintState(replay.state, screen)(stateWord(replay.state))}\n`
  const lines = [...describeVerdict(replay), ...describeSkipped(results.skipped, { action: 'replay', noun: 'mail' })]
  return [
    title,
    renderFacts(facts(replay, results, now), screen),
    renderOutcomes(results, screen),
    ...lines.map((line) => `${line}\n`),
  ].join('\n')
}

function facts(replay: Replay, results: ReplayResults, now: Date): [string, string][] {
  const all: (readonly [string, string | null | undefined | false])[] = [
    ['By', printable(replay.actor)],
    ['Reason', replay.reason && printable(replay.reason)],
    ['Meant', printable(JSON.stringify(replay.filter))],
    ['Begun', formatExactTime(replay.createdAt, now)],
    ['Ended', replay.endedAt && formatExactTime(replay.endedAt, now)],
    ['Stopped by', replay.stoppedBy && printable(replay.stoppedBy)],
    ['Mails', formatCount(replay.size)],
    ['Put back', formatCount(results.replayed)],
    ['Not put back', results.left > 0 && formatCount(results.left)],
    ['Taken back', results.takenBack > 0 && formatCount(results.takenBack)],
    ['Canary', replay.canary > 0 && `the first ${formatCount(replay.canary)}`],
    ['Rate', replay.perSecond !== null && `${formatCount(replay.perSecond)} a second`],
    ['Last due', results.lastDueAt && formatExactTime(results.lastDueAt, now)],
    ['Priority', replay.priority !== null && String(replay.priority)],
    ['Not after', replay.notAfter && formatExactTime(replay.notAfter, now)],
    ['Attempts', replay.keepsAttempts && 'go on counting'],
    ['Sent mail', replay.includesSent && 'is sent again, too'],
  ]
  return all.flatMap(([title, value]) => (value ? [[title, value]] : []))
}

/** What has become of what was put back, and why some of it failed. */
function renderOutcomes({ now, failures }: ReplayResults, screen: Screen): string {
  const others = Object.entries(now).filter(([status]) => status !== 'failed' && status !== 'held')
  const rows = [
    ...others.map(([status, count]) => ({ status, count, errorClass: '' })),
    ...failures.map(({ errorClass, ...row }) => ({ ...row, errorClass: errorClass ?? '-' })),
  ].map(({ status, count, errorClass }) => [
    { text: formatCount(count) },
    { text: status === 'pending' ? 'waiting' : status, paint: paintStatus(status, screen) },
    { text: errorClass },
  ])
  if (rows.length === 0) return ''
  return renderTable([{ title: 'MAILS', align: 'right' }, { title: 'NOW' }, { title: 'ERROR CLASS' }], rows, screen)
}
