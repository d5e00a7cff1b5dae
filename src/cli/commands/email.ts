import type { Command } from 'commander'
import {
  cancellableStatuses,
  emailStatuses,
  releasableStatuses,
  replayableStatuses,
  whenAmbiguous,
} from '../../ops/email-status.ts'
import { answers } from '../action.ts'
import type { ChangeMailsOptions } from '../email/change.ts'
import { addMailFilters, type MailFilterOptions } from '../email/filter-options.ts'
import { rateForms, readRate } from '../email/rate.ts'
import type { ReplayMailsOptions } from '../email/replay.ts'
import type { SendOptions } from '../email/send.ts'
import type { ShowOptions } from '../email/show.ts'
import { momentForms, readMoment } from '../moments.ts'
import { by, messageId, once, oneOf, someText, wholeNumber } from '../option-parsers.ts'
import { addChangeCommand, addListCommand } from './message-commands.ts'
import { addWhyMail } from './why.ts'

export function addEmailCommands(program: Command): void {
  const email = program
    .command('email')
    .description('the mail queue')
    .addHelpText('after', '\nExamples:\n  $ fleet email list --status failed\n  $ fleet email show 42')
  addSend(email)
  addList(email)
  addShow(email)
  addWhyMail(email)
  addReplay(email)
  addRelease(email)
  addCancel(email)
}

function addSend(email: Command): void {
  const collect = (text: string, previous: readonly string[] = []) => [...previous, someText()(text)]
  const moment = once(by(readMoment, momentForms))
  const send = email
    .command('send')
    .description('put one mail into the queue')
    .requiredOption('--to <addresses>', 'recipients, between commas or given again', collect)
    .option('--cc <addresses>', 'recipients of a copy', collect)
    .option('--bcc <addresses>', 'recipients of a copy whom nobody sees', collect)
    .option('--subject <text>', 'the subject; a template brings its own', once(someText(500)))
    .option(
      '--text <text>',
      'what the mail says; standard input unless this, HTML or a template is given',
      once(String),
    )
    .option('--text-file <path>', 'the same from a file in UTF-8; - for standard input', once(someText()))
    .option('--html <html>', 'what it says in HTML', once(someText()))
    .option('--html-file <path>', 'the same from a file in UTF-8', once(someText()))
    .option('--template <id>', 'made from this template', once(someText(100)))
    .option('--variables <json>', 'what the template is filled with: a JSON object', once(someText()))
    .option('--priority <number>', '1 (most urgent) to 10', wholeNumber(1, 10), 5)
    .option('--at <time>', 'not before: ISO, UTC unless said, or from now on as 2h', moment)
    .option('--not-after <time>', 'not later; it expires then', moment)
    .option(
      '--when-ambiguous <what>',
      'resend it or hold it, should a server have it and nobody know',
      once(oneOf(whenAmbiguous)),
    )
    .option('--dedup-key <key>', 'do nothing where a mail with this key is in the queue', once(someText(255)))
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet email send --to ann@example.org --subject Hello --text "It works"\n' +
        '  $ fleet email send --to ann@example.org --subject Report --at 8h < report.txt',
    )
  answers(send, async (session, options: SendOptions) => (await import('../email/send.ts')).queueMail(session, options))
}

function addList(email: Command): void {
  addListCommand<MailFilterOptions>(email, {
    description: 'mails, the latest change of status first',
    statuses: emailStatuses,
    addOwn: addMailFilters,
    examples: ['email list --status failed --since 2h', 'email list --to @example.org --json'],
    run: async (session, options) => (await import('../email/list.ts')).showMails(session, options),
  })
}

function addShow(email: Command): void {
  const show = email
    .command('show')
    .description('everything about one mail')
    .argument('<id>', 'the id of the mail', messageId)
    .option('--body', 'also what it says, and the variables of its template')
    .addHelpText(
      'after',
      '\nExample:\n  $ fleet email show 42\n\n"fleet email why 42" says in a sentence why it is where it is.',
    )
  answers(show, async (session, id: number, options: ShowOptions) =>
    (await import('../email/show.ts')).showOneMail(session, id, options),
  )
}

function addReplay(email: Command): void {
  addChangeCommand<ReplayMailsOptions>(email, {
    name: 'replay',
    description: `put mails back into the queue that are ${replayableStatuses.join(', ')}; their attempts start afresh`,
    statuses: [...replayableStatuses, 'sent'],
    addOwn: addMailFilters,
    addOptions: addReplayOptions,
    examples: [
      'email replay --id 42',
      'email replay --error-class timeout --since 2h --dry-run',
      'email replay --error-class mailbox_full --canary 20 --rate 50/s --reason "mailboxes were enlarged"',
    ],
    run: async (session, options) => (await import('../email/replay.ts')).replayMails(session, options),
  })
}

function addReplayOptions(replay: Command): Command {
  return replay
    .option(
      '--rate <rate>',
      'so many become due in that time at most: 50/s, 300/m, 1000/h',
      once(by(readRate, rateForms)),
    )
    .option(
      '--canary <number>',
      'so many go first, and the rest when at least 90 % of them were delivered',
      once(wholeNumber(1, 10_000)),
    )
    .option(
      '--set-priority <number>',
      'the priority that they are given, 1 (most urgent) to 10',
      once(wholeNumber(1, 10)),
    )
    .option(
      '--not-after <time>',
      'they expire then: ISO, UTC unless said, or from now on as 2h',
      once(by(readMoment, momentForms)),
    )
    .option('--reset-attempts', 'attempts start afresh; so it is unless --no-reset-attempts is given', true)
    .option('--no-reset-attempts', 'attempts go on counting: the next one that fails may be the last')
    .option('--include-sent', 'also what was sent, or may have been: whoever has it gets it again')
    .option('--reason <text>', 'why: for the audit log, and whoever looks at it next', once(someText(500)))
}

function addRelease(email: Command): void {
  addChangeCommand<ChangeMailsOptions>(email, {
    name: 'release',
    description: `send mails that are ${releasableStatuses.join(', ')} after all; attempts start afresh, and what may have arrived may arrive twice`,
    statuses: releasableStatuses,
    addOwn: addMailFilters,
    examples: ['email release --id 42', 'email release --error-class answer_lost --dry-run'],
    run: async (session, options) => (await import('../email/change.ts')).changeMails(session, 'release', options),
  })
}

function addCancel(email: Command): void {
  addChangeCommand<ChangeMailsOptions>(email, {
    name: 'cancel',
    description: `take mails out of the queue that are ${cancellableStatuses.join(', ')}; one being sent may be out already`,
    statuses: cancellableStatuses,
    addOwn: addMailFilters,
    examples: ['email cancel --id 42', 'email cancel --to @example.org --dry-run'],
    run: async (session, options) => (await import('../email/change.ts')).changeMails(session, 'cancel', options),
  })
}
