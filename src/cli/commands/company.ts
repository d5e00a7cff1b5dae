import type { Command } from 'commander'
import { answers } from '../action.ts'
import { wholeNumber } from '../option-parsers.ts'

const largestId = 2_147_483_647

export function addCompanyCommands(program: Command): void {
  const company = program
    .command('company')
    .description('where a company gets its notices')
    .addHelpText('after', '\nExample:\n  $ fleet company link-telegram 7')
  addLinkTelegram(company)
}

function addLinkTelegram(company: Command): void {
  const link = company
    .command('link-telegram')
    .description('make a link that links a Telegram chat to a company; it works once, for 24 hours')
    .argument('<id>', 'the id of the company', wholeNumber(1, largestId))
    .addHelpText('after', '\nExample:\n  $ fleet company link-telegram 7')
  answers(link, async (session, id: number) => (await import('../company/link-telegram.ts')).linkTelegram(session, id))
}
