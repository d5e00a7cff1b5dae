import type { MessageAttempt } from '../ops/message-history.ts'
import type { Screen } from './screen.ts'
import { type Cell, renderTable } from './table.ts'
import { formatTime } from './times.ts'
import { countOf, formatCount } from './words.ts'

const shown = 20

/** What is shown of an attempt. */
export interface ShownAttempt extends MessageAttempt {
  /** Those of the next system, as it writes them; null where it said nothing. */
  readonly codes: string | null
}

/** The attempts at a message, the latest last; of many only the latest. */
export function renderHistory(
  history: readonly ShownAttempt[],
  { screen, now }: { screen: Screen; now: Date },
): string {
  if (history.length === 0) return ''
  const columns = [
    { title: 'TRY', align: 'right' as const },
    { title: 'CLAIMED' },
    { title: 'HANDED OVER' },
    { title: 'ENDED' },
    { title: 'MS', align: 'right' as const },
    { title: 'OUTCOME' },
    { title: 'ANSWER' },
    { title: 'WORKER' },
    { title: 'TRANSPORT' },
  ]
  const rows = history
    .slice(-shown)
    .map((attempt): Cell[] => [
      { text: String(attempt.attempt) },
      { text: formatTime(attempt.claimedAt, { now, screen }) },
      { text: formatTime(attempt.handedOverAt, { now, screen }) },
      { text: formatTime(attempt.endedAt, { now, screen }) },
      { text: attempt.durationMs === null ? '-' : formatCount(attempt.durationMs) },
      { text: outcomeOf(attempt), paint: paintOutcome(attempt.outcome, screen) },
      { text: answerOf(attempt) },
      { text: attempt.worker ?? '-' },
      { text: attempt.transport ?? '-' },
    ])
  const earlier = history.length - shown
  const more = earlier > 0 ? `${countOf(earlier, 'earlier attempt')}: --json has them all.\n` : ''
  return `\n${screen.colors.bold('Attempts')}\n${more}${renderTable(columns, rows, screen)}`
}

function outcomeOf({ outcome, errorClass }: ShownAttempt): string {
  return errorClass === null ? outcome : `${outcome}: ${errorClass}`
}

/** As servers write it: `550 5.1.1 no such user`. */
function answerOf({ codes, reply }: ShownAttempt): string {
  if (codes === null) return reply ?? '-'
  return reply === null || reply.startsWith(codes) ? (reply ?? codes) : `${codes} ${reply}`
}

function paintOutcome(outcome: string, { colors }: Screen): (text: string) => string {
  switch (outcome) {
    case 'sent':
      return colors.green
    case 'hard_failure':
      return colors.red
    case 'ambiguous':
      return colors.magenta
    default:
      return colors.yellow
  }
}
