import type { Group, ReplayPreview } from '../../ops/replays/preview-replay.ts'
import type { Replay, ReplayRequest } from '../../ops/replays/replay.ts'
import type { ReplayResults } from '../../ops/replays/replay-results.ts'
import type { SkippedMessages } from '../../ops/skipped-messages.ts'
import { formatDuration } from '../../runtime/durations.ts'
import type { Answer } from '../answer.ts'
import { exitStatus } from '../exit-status.ts'
import { describeVerdict } from '../replay/words.ts'
import type { Screen } from '../screen.ts'
import { describeExamples, describeSkipped } from '../skipped.ts'
import { renderTable } from '../table.ts'
import { countOf, formatCount, listCounts } from '../words.ts'

const doing = { action: 'replay', noun: 'mail' } as const

/** What is sent again although somebody has it, or may. */
export function warnOfDuplicates({
  byStatus,
  ambiguous,
}: Pick<ReplayPreview, 'byStatus' | 'ambiguous'>): string | undefined {
  const { sent = 0 } = byStatus
  const parts = [
    sent > 0 &&
      `${countOf(sent, 'mail')} ${sent === 1 ? 'was' : 'were'} sent: all recipients get ${sent === 1 ? 'it' : 'them'} again`,
    ambiguous > 0 && `${countOf(ambiguous, 'mail')} may have arrived already, and may then arrive twice`,
  ].filter((part) => part !== false)
  return parts.length === 0 ? undefined : `Careful: ${parts.join('; ')}.`
}

type Counts = Pick<ReplayPreview, 'count' | 'byStatus' | 'archived'>

/** `3 mails (2 failed, 1 expired), 1 of them archived`. */
function describeCount({ count, byStatus, archived }: Counts): string {
  const statuses = count > 0 ? ` (${listCounts(byStatus)})` : ''
  const origin = archived > 0 ? `, ${archived === count ? '' : `${formatCount(archived)} of them `}archived` : ''
  return `${countOf(count, 'mail')}${statuses}${origin}`
}

/** The same, and how they would go: `…, 50/s (2 min), the first 20 as a canary`. */
export function describeMeant(counts: Counts, { perSecond, canary }: ReplayRequest): string {
  const pace = perSecond === undefined ? '' : `, over ${formatDuration((counts.count / perSecond) * 1_000)}`
  const first =
    canary === undefined || canary >= counts.count ? '' : `, the first ${formatCount(canary)} before all others`
  return `${describeCount(counts)}${pace}${first}`
}

export function answerPreview(preview: ReplayPreview, request: ReplayRequest): Answer {
  const warning = warnOfDuplicates(preview)
  return {
    document: { action: 'replay', dryRun: true, ...preview },
    text: (screen) =>
      [
        `Would replay ${describeMeant(preview, request)}.`,
        ...(warning === undefined ? [] : [warning]),
        ...describeSkipped(preview.skipped, doing),
        ...renderGroups(preview, screen),
        ...describeExamples(preview.examples, { screen, count: preview.count }),
      ].join('\n'),
  }
}

function renderGroups(preview: ReplayPreview, screen: Screen): string[] {
  if (preview.count <= 1) return []
  const tables: [string, readonly Group[]][] = [
    ['ERROR CLASS', preview.byErrorClass],
    ['DOMAIN', preview.byDomain],
    ['TEMPLATE', preview.byTemplate],
    ['AGE', preview.byAge],
  ]
  return tables.map(([title, groups]) => {
    const rows = groups.map(({ of, count }) => [{ text: formatCount(count) }, { text: of ?? '-' }])
    return `\n${renderTable([{ title: 'MAILS', align: 'right' }, { title }], rows, screen).trimEnd()}`
  })
}

interface Reported {
  readonly replay: Replay | undefined
  readonly results: ReplayResults | undefined
  readonly skipped: readonly SkippedMessages[]
}

export function answerReplay({ replay, results, skipped: before }: Reported): Answer {
  const skipped = [...before, ...(results?.skipped ?? [])]
  const counts = { count: results?.replayed ?? 0, byStatus: results?.byStatus ?? {}, archived: results?.archived ?? 0 }
  const ambiguous = replay?.ambiguous ?? 0
  const warning = warnOfDuplicates({ ...counts, ambiguous })
  const lines = [
    `Replayed ${describeCount(counts)}${replay === undefined ? '.' : `: replay ${replay.id}.`}`,
    ...(warning === undefined ? [] : [warning]),
    ...describeVerdict(replay),
    ...describeSkipped(skipped, doing),
    ...(replay !== undefined && replay.size > 1 ? [`What comes of it: fleet replay show ${replay.id}`] : []),
  ]
  const isUnknown = skipped.some(({ reason }) => reason === 'unknown')
  const isDone = !isUnknown && replay?.state !== 'canary_failed' && replay?.state !== 'stopped'
  return {
    document: {
      ...{ action: 'replay', dryRun: false, replay: replay?.id ?? null, state: replay?.state ?? null },
      ...{ ...counts, ambiguous, skipped },
    },
    text: () => `${lines.join('\n')}\n`,
    exitStatus: isDone ? exitStatus.done : exitStatus.failed,
  }
}
