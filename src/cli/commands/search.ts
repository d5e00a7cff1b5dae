import type { Command } from 'commander'
import { searchKinds } from '../../ops/search-kind.ts'
import { answers } from '../action.ts'
import { each, once, oneOf, wholeNumber } from '../option-parsers.ts'
import type { SearchOptions } from '../search.ts'

const largestId = 2_147_483_647
const largestLimit = 1_000

export function addSearchCommand(program: Command): void {
  const search = program
    .command('search')
    .description(
      'companies, projects, clients and portraits that have these words, in Russian or English, the best first',
    )
    .argument(
      '<words...>',
      'all must be there, in any form; "a phrase", OR, -not; the last may be the beginning of a word',
    )
    .option(
      '--kind <kind>',
      `only ${searchKinds.join(', ')}; several with commas, or given again`,
      each(oneOf(searchKinds)),
    )
    .option('--company <id>', 'only of this company', once(wholeNumber(1, largestId)))
    .option('--limit <number>', 'at most so many; 20 unless given', once(wholeNumber(1, largestLimit)))
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet search выставка\n  $ fleet search \'"красная площадь" -реклама\' --kind project --company 17',
    )
  answers(search, async (session, words: string[], options: SearchOptions) =>
    (await import('../search.ts')).searchFor(session, words, options),
  )
}
