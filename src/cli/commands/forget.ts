import type { Command } from 'commander'
import { type AddressPattern, readAddressPattern } from '../../ops/address-pattern.ts'
import { answers } from '../action.ts'
import type { ForgetOptions } from '../forget.ts'
import { by, once, someText } from '../option-parsers.ts'

const longestReason = 1_000

export function addForgetCommand(program: Command): void {
  const forget = program
    .command('forget')
    .summary('erase what the fleet holds of a person')
    .description(
      'Takes an address out of everything that the fleet writes. Mail that waits for it alone is cancelled; of mail that has ended and names it, what it said goes; rows, times and outcomes stay. Run it as the owner of the tables. What the platform holds is only named.',
    )
    .argument('<address>', 'the address, whatever the case of its letters', by(readAddressPattern, 'name@example.org'))
    .option('--reason <text>', 'why, for the audit log', once(someText(longestReason)))
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExit status: 3 where something is left that has to wait; run it again then.\n' +
        '\nExamples:\n  $ fleet forget ann@example.org --dry-run\n  $ fleet forget ann@example.org --reason "request 17" --yes',
    )
  answers(forget, async (session, address: AddressPattern, options: ForgetOptions) =>
    (await import('../forget.ts')).forgetAddress(session, address, options),
  )
}
