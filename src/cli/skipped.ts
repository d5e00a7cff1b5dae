import type { SkippedMessages } from '../ops/skipped-messages.ts'
import type { ChangePreview, StatusChange } from '../ops/status-change.ts'
import { printable } from './printable.ts'
import type { Screen } from './screen.ts'
import { renderTable } from './table.ts'
import { countOf, listIds } from './words.ts'

interface Doing {
  readonly action: StatusChange<never>['action']
  readonly noun: string
}

/** A line for each reason why messages were left alone. */
export function describeSkipped(skipped: readonly SkippedMessages[], doing: Doing): string[] {
  return skipped.map((entry) => {
    const ids = entry.ids.length > 0 ? ` (${listIds(entry.ids, entry.count)})` : ''
    return `Skipped ${countOf(entry.count, doing.noun)}${ids}: ${reasonFor(entry, doing)}.`
  })
}

function reasonFor({ reason, status }: SkippedMessages, { action, noun }: Doing): string {
  switch (reason) {
    case 'unknown':
      return `no ${noun} has such an id`
    case 'status':
      return `${printable(status ?? '')}, from which there is no ${action}`
    case 'filter':
      return 'the other filters do not hold'
    case 'erased':
      return 'what they said was erased, so that nothing is left to send'
    case 'would_expire':
      return 'not_after has passed, so a worker would only let it expire'
    case 'being_sent':
      return 'cancelled while it was being sent, and a worker may not be done with it; try again in a minute'
    case 'key_taken':
      return 'archived, and a newer mail has its dedup_key; that one can be replayed, or a new one sent'
    case 'unknown_channel':
      return 'there is no channel of that type'
    case 'in_replay':
      return 'a replay that goes on has them: fleet replay list'
    case 'ambiguous':
      return 'may have arrived, and nobody knows; --include-sent sends them all the same'
    case 'sent_again':
      return 'this very command has sent them again within the last day; with another --reason it does so once more'
    case 'changed':
      return 'changed by somebody else meanwhile'
    case 'locked':
      return 'another session is writing to it; try again'
    case 'refused':
      return 'the database refuses the change, by a trigger or a constraint; its log says which'
    case 'over_limit':
      return 'over the limit'
  }
}

/** Some of the messages that were found, under a heading. */
export function describeExamples(
  examples: ChangePreview['examples'],
  { screen, count }: { readonly screen: Screen; readonly count: number },
): string[] {
  if (examples.length === 0) return []
  const columns = [{ title: 'ID', align: 'right' as const }, { title: 'TO' }, { title: 'SUBJECT' }]
  const rows = examples.map(({ id, to, subject }) => [
    { text: String(id) },
    { text: to ?? '-' },
    { text: subject ?? '-' },
  ])
  const heading = count > examples.length ? `The first ${examples.length}:` : 'All of them:'
  return ['', heading, renderTable(columns, rows, screen)]
}
