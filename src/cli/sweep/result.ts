import { assertNever } from '../../runtime/assert-never.ts'
import { formatDuration } from '../../runtime/durations.ts'
import type { SweepCounts, SweepResult } from '../../subscriptions/sweep-result.ts'
import type { Answer } from '../answer.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { countOf, formatCount } from '../words.ts'

export interface SweepTold {
  readonly baseline: boolean
  /** The exit status where a signal has ended it. */
  readonly interrupted: number
}

/** @throws {CliError} SWEEP_FLOOD or CLOCKS_DIFFER where it has changed nothing */
export function answerResult(result: SweepResult, { baseline, interrupted }: SweepTold): Answer {
  switch (result.kind) {
    case 'done': {
      const { sweepId, counts, left, failed } = result
      return {
        document: { outcome: 'done', baseline, sweepId, counts, left, failed },
        text: () => [describeDone(counts, baseline), ...describeLeft(left), ...describeFailed(failed)].join('\n'),
        exitStatus: failed > 0 ? exitStatus.failed : exitStatus.done,
      }
    }
    case 'interrupted': {
      const { counts } = result
      return {
        document: { outcome: 'interrupted', baseline, counts },
        text: () => `Interrupted. ${describeDone(counts, baseline)}\nThe next sweep does the rest.`,
        exitStatus: interrupted,
      }
    }
    case 'flood':
      throw flood(result)
    case 'clock':
      throw clocksDiffer(result.differenceMs)
    default:
      return assertNever(result)
  }
}

/** `3 notices, 1 superseded, 4 changes of state`; undefined where all are 0. */
export function describeCounts({ notices, superseded, skipped, states, recorded }: SweepCounts): string | undefined {
  const parts = [
    ...(notices > 0 ? [countOf(notices, 'notice')] : []),
    ...(superseded > 0 ? [`${formatCount(superseded)} superseded`] : []),
    ...(skipped > 0 ? [`${formatCount(skipped)} with nobody to tell`] : []),
    ...(states > 0 ? [`${countOf(states, 'change')} of state`] : []),
    ...(recorded > 0 ? [`${countOf(recorded, 'order')} recorded`] : []),
  ]
  return parts.length === 0 ? undefined : parts.join(', ')
}

function describeDone(counts: SweepCounts, baseline: boolean): string {
  const described = describeCounts(counts)
  if (described === undefined) return baseline ? 'Nothing was past.' : 'Nothing was due.'
  return baseline ? `Marked what is past as known, and sent nothing: ${described}.` : `Swept: ${described}.`
}

function describeLeft(left: number): string[] {
  if (left === 0) return []
  const [them, were] = left === 1 ? ['it', 'was'] : ['them', 'were']
  return [`${countOf(left, 'subscription')} ${were} locked by others; the next sweep looks at ${them} again.`]
}

function describeFailed(failed: number): string[] {
  if (failed === 0) return []
  return [`${countOf(failed, 'subscription')} could not be written: what is on standard error says why.`]
}

function flood({ counts, changes, limit }: SweepResult & { kind: 'flood' }): CliError {
  return new CliError(
    `the sweep would change ${formatCount(changes)} at once (${describeCounts(counts)}), and at most ${formatCount(limit)} are allowed; nothing was changed`,
    {
      code: 'SWEEP_FLOOD',
      hint: `look first with "fleet sweep --plan", then allow it once with "fleet sweep --max ${changes}"`,
      exitStatus: exitStatus.found,
    },
  )
}

function clocksDiffer(differenceMs: number): CliError {
  return new CliError(
    `the clocks of this host and of the database differ by ${formatDuration(differenceMs)}; nothing was changed`,
    {
      code: 'CLOCKS_DIFFER',
      hint: 'set them right ("timedatectl" shows whether a host keeps its own); "fleet sweep --plan" shows what is due by the database\'s',
      exitStatus: exitStatus.found,
    },
  )
}
