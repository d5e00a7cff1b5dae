import type { Command } from 'commander'
import { type AddressPattern, readAddressPattern } from '../../ops/address-pattern.ts'
import type { EmailStatus } from '../../ops/email-status.ts'
import type { MailFilter } from '../../ops/mail-filter.ts'
import { type CommonFilterOptions, toCommonFilter } from '../filter-options.ts'
import { by, each, once, someText, wholeNumber } from '../option-parsers.ts'

/** The filters of mails, as commander hands them over. */
export interface MailFilterOptions extends CommonFilterOptions {
  readonly status?: readonly EmailStatus[]
  readonly to?: AddressPattern
  readonly template?: string
}

/** Adds the filters that only mails have. */
export function addMailFilters(command: Command): Command {
  return command
    .option(
      '--to <address>',
      'one of the addresses in To, Cc or Bcc; @domain for all of a domain',
      once(by(readAddressPattern, 'name@example.org or @example.org')),
    )
    .option('--template <id>', 'made from this template', once(someText()))
    .option(
      '--priority <number>',
      'with this priority, 1 (most urgent) to 10; several likewise',
      each(wholeNumber(1, 10)),
    )
}

/** The filter, with durations counted back from `now`. */
export function toMailFilter(options: MailFilterOptions, now: Date): MailFilter {
  const { status, to, template } = options
  return { ...toCommonFilter(options, now), statuses: status, to, templateId: template }
}
