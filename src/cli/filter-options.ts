import type { Command } from 'commander'
import type { MessageFilter } from '../ops/message-filter.ts'
import { usageError } from './cli-error.ts'
import { type Moment, momentBefore, momentForms, readMoment } from './moments.ts'
import { by, each, messageId, once, oneOf, someText, wholeNumber } from './option-parsers.ts'

/** The filters that list, replay, release and cancel of every queue share, as commander hands them over. */
export interface CommonFilterOptions {
  readonly id?: readonly number[]
  readonly status?: readonly string[]
  readonly since?: Moment
  readonly until?: Moment
  readonly errorClass?: string
  readonly error?: string
  readonly priority?: readonly number[]
  readonly limit?: number
}

export interface FilterUse<Status extends string> {
  /** The words that `--status` takes here. */
  readonly statuses: readonly Status[]
  /** What `--limit` is for. */
  readonly limit: string
  /** Adds the filters that only this queue has. */
  readonly addOwn: (command: Command) => Command
}

const largestLimit = 1_000_000_000

export function addFilterOptions<Status extends string>(command: Command, use: FilterUse<Status>): Command {
  const { statuses, limit, addOwn } = use
  const moment = once(by(readMoment, momentForms))
  const text = once(someText())
  command
    .optionsGroup('Filters (all that are given must hold):')
    .option('--id <id>', 'with this id; several with commas, or given again', each(messageId))
    .option('--status <status>', `${statuses.join(', ')}; several likewise`, each(oneOf(statuses)))
    .option('--since <time>', 'status changed then or later: ISO, UTC unless said, or back from now as 2h', moment)
    .option('--until <time>', 'status changed before', moment)
  return addOwn(command)
    .option('--error-class <class>', 'with this class of error', text)
    .option('--error <text>', 'with this text in the last error, in any case', text)
    .option('--limit <number>', limit, once(wholeNumber(1, largestLimit)))
    .optionsGroup('Options:')
}

/** What the shared options mean, with durations counted back from `now`. */
export function toCommonFilter(options: CommonFilterOptions, now: Date): Omit<MessageFilter, 'statuses'> {
  const since = options.since && momentBefore(now, options.since)
  const until = options.until && momentBefore(now, options.until)
  if (since && until && since >= until) {
    throw usageError(`no time is since ${since.toISOString()} and until ${until.toISOString()}`)
  }
  return {
    ids: options.id,
    since,
    until,
    errorClass: options.errorClass,
    errorText: options.error,
    priorities: options.priority,
  }
}

/** Options that do not say which messages are meant, but how many, or what happens to them. */
const noFilters: readonly string[] = [
  ...['limit', 'dryRun', 'yes'],
  ...['rate', 'canary', 'setPriority', 'notAfter', 'resetAttempts', 'includeSent', 'reason'],
]

/** Which filters were given. */
export function givenFilters(options: CommonFilterOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined || noFilters.includes(name) ? [] : [name],
  )
}
