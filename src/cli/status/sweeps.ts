import type { LastSweep, SweepStatus } from '../../ops/sweep-status.ts'
import { describeCounts } from '../sweep/result.ts'
import { renderFacts } from '../table.ts'
import { formatTime } from '../times.ts'
import type { View } from './view.ts'

export function renderSweeps({ lastSweep, schedule }: SweepStatus, view: View): string {
  const next =
    schedule === null
      ? 'not scheduled, as no lifecycle worker has run; "fleet sweep" does it by hand'
      : `on the schedule ${schedule} (UTC)`
  return renderFacts(
    [
      ['Last sweep', describeLast(lastSweep, view)],
      ['Next', next],
    ],
    view.screen,
  )
}

/** `3 min ago: 20 notices, 4 changes of state`, in a colour where somebody should look. */
function describeLast(last: LastSweep | null, view: View): string {
  if (last === null) return 'none yet'
  const { colors } = view.screen
  const begun = `${formatTime(last.startedAt, view)}${last.kind === 'baseline' ? ' (baseline)' : ''}`
  const counts = describeCounts(last.counts)
  switch (last.outcome) {
    case 'done':
      return `${begun}: ${counts ?? 'nothing was due'}`
    case 'interrupted':
      return `${begun}: interrupted after ${counts ?? 'nothing'}`
    case 'blocked':
      return `${begun}: ${colors.red(`stopped before it changed anything${counts === undefined ? '' : ` (${counts})`}`)}; see fleet sweep --plan`
    default:
      return `${begun}: ${colors.yellow('under way, or killed')}`
  }
}
