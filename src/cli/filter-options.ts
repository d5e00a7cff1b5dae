import type { Command } from 'commander'
import { type AddressPattern, readAddressPattern } from '../ops/address-pattern.ts'
import type { EmailStatus } from '../ops/email-status.ts'
import type { MailFilter } from '../ops/mail-filter.ts'
import { usageError } from './cli-error.ts'
import { type Moment, momentBefore, momentForms, readMoment } from './moments.ts'
import { by, each, mailId, once, oneOf, someText, wholeNumber } from './option-parsers.ts'

/** The filters that list, replay, release and cancel share, as commander hands them over. */
export interface FilterOptions {
  readonly id?: readonly number[]
  readonly status?: readonly EmailStatus[]
  readonly since?: Moment
  readonly until?: Moment
  readonly to?: AddressPattern
  readonly template?: string
  readonly errorClass?: string
  readonly error?: string
  readonly priority?: readonly number[]
  readonly limit?: number
}

export interface FilterUse {
  /** The words that `--status` takes here. */
  readonly statuses: readonly EmailStatus[]
  /** What `--limit` is for. */
  readonly limit: string
}

const largestLimit = 1_000_000_000

export function addFilterOptions(command: Command, { statuses, limit }: FilterUse): Command {
  const moment = once(by(readMoment, momentForms))
  const pattern = once(by(readAddressPattern, 'name@example.org or @example.org'))
  const text = once(someText())
  return command
    .optionsGroup('Filters (all that are given must hold):')
    .option('--id <id>', 'with this id; several with commas, or given again', each(mailId))
    .option('--status <status>', `${statuses.join(', ')}; several likewise`, each(oneOf(statuses)))
    .option('--since <time>', 'status changed then or later: ISO, UTC unless said, or back from now as 2h', moment)
    .option('--until <time>', 'status changed before', moment)
    .option('--to <address>', 'one of the addresses in To, Cc or Bcc; @domain for all of a domain', pattern)
    .option('--template <id>', 'made from this template', text)
    .option('--error-class <class>', 'with this class of error', text)
    .option('--error <text>', 'with this text in the last error, in any case', text)
    .option(
      '--priority <number>',
      'with this priority, 1 (most urgent) to 10; several likewise',
      each(wholeNumber(1, 10)),
    )
    .option('--limit <number>', limit, once(wholeNumber(1, largestLimit)))
    .optionsGroup('Options:')
}

/** The filter, with durations counted back from `now`. */
export function toMailFilter(options: FilterOptions, now: Date): MailFilter {
  const since = options.since && momentBefore(now, options.since)
  const until = options.until && momentBefore(now, options.until)
  if (since && until && since >= until) {
    throw usageError(`no time is since ${since.toISOString()} and until ${until.toISOString()}`)
  }
  return {
    ids: options.id,
    statuses: options.status,
    since,
    until,
    to: options.to,
    templateId: options.template,
    errorClass: options.errorClass,
    errorText: options.error,
    priorities: options.priority,
  }
}

/** Which filters were given; `limit` says how many and not which. */
export function givenFilters(options: FilterOptions): string[] {
  const { id, status, since, until, to, template, errorClass, error, priority } = options
  const filters = { id, status, since, until, to, template, errorClass, error, priority }
  return Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [name]))
}
