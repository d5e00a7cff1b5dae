import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { Answer } from '../answer.ts'
import type { ConsentOptions } from '../consent.ts'
import { addFilterOptions, type CommonFilterOptions, type FilterUse } from '../filter-options.ts'
import type { Session } from '../session.ts'

type FilteredCommand<Options> = Omit<FilterUse<string>, 'limit'> & {
  readonly name: string
  readonly description: string
  /** What follows `fleet`, each. */
  readonly examples: readonly string[]
  readonly run: (session: Session, options: Options) => Promise<Answer>
}

interface ChangeUse {
  /** Adds the options that only this change has. */
  readonly addOptions?: (command: Command) => Command
}

/** `list`: messages of a queue, by filters. */
export function addListCommand<Options extends CommonFilterOptions>(
  parent: Command,
  { description, run, ...use }: Omit<FilteredCommand<Options>, 'name'>,
): void {
  const list = parent.command('list').description(description)
  addFilterOptions(list, { ...use, limit: 'at most so many; 20 unless given' }).addHelpText('after', show(use.examples))
  answers(list, run)
}

/** `replay`, `release` and `cancel`: a change to the messages that filters mean. */
export function addChangeCommand<Options extends CommonFilterOptions & ConsentOptions>(
  parent: Command,
  { name, description, run, addOptions = (command) => command, ...use }: FilteredCommand<Options> & ChangeUse,
): void {
  const change = parent.command(name).description(description)
  addOptions(addFilterOptions(change, { ...use, limit: 'only so many, the most urgent and oldest first' }))
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText('after', show(use.examples))
  answers(change, run)
}

function show(examples: readonly string[]): string {
  return ['\nExamples:', ...examples.map((example) => `  $ fleet ${example}`)].join('\n')
}
