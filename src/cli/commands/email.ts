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
import type { SendOptions } from '../email/send.ts'
import type { ShowOptions } from '../email/show.ts'
import { addFilterOptions, type FilterOptions } from '../filter-options.ts'
import { momentForms, readMoment } from '../moments.ts'
import { by, mailId, once, oneOf, someText, wholeNumber } from '../option-parsers.ts'

export function addEmailCommands(program: Command): void {
  const email = program
    .command('email')
    .description('the mail queue')
    .addHelpText('after', '\nExamples:\n  $ fleet email list --status failed\n  $ fleet email show 42')
  addSend(email)
  addList(email)
  addShow(email)
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
  const list = email.command('list').description('mails, the latest change of status first')
  addFilterOptions(list, { statuses: emailStatuses, limit: 'at most so many; 20 unless given' }).addHelpText(
    'after',
    '\nExamples:\n  $ fleet email list --status failed --since 2h\n  $ fleet email list --to @example.org --json',
  )
  answers(list, async (session, options: FilterOptions) =>
    (await import('../email/list.ts')).showMails(session, options),
  )
}

function addShow(email: Command): void {
  const show = email
    .command('show')
    .description('everything about one mail')
    .argument('<id>', 'the id of the mail', mailId)
    .option('--body', 'also what it says, and the variables of its template')
    .addHelpText('after', '\nExample:\n  $ fleet email show 42')
  answers(show, async (session, id: number, options: ShowOptions) =>
    (await import('../email/show.ts')).showOneMail(session, id, options),
  )
}

function addReplay(email: Command): void {
  const replay = email
    .command('replay')
    .description(`put mails back into the queue that are ${replayableStatuses.join(', ')}; their attempts start afresh`)
  addFilterOptions(replay, { statuses: replayableStatuses, limit: 'only so many, the most urgent and oldest first' })
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet email replay --id 42\n  $ fleet email replay --error-class timeout --since 2h --dry-run',
    )
  answers(replay, async (session, options: ChangeMailsOptions) =>
    (await import('../email/change.ts')).replayMails(session, options),
  )
}

function addRelease(email: Command): void {
  const release = email
    .command('release')
    .description(
      `send mails that are ${releasableStatuses.join(', ')} after all; attempts start afresh, and what may have arrived may arrive twice`,
    )
  addFilterOptions(release, { statuses: releasableStatuses, limit: 'only so many, the most urgent and oldest first' })
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet email release --id 42\n  $ fleet email release --error-class answer_lost --dry-run',
    )
  answers(release, async (session, options: ChangeMailsOptions) =>
    (await import('../email/change.ts')).releaseMails(session, options),
  )
}

function addCancel(email: Command): void {
  const cancel = email
    .command('cancel')
    .description(
      `take mails out of the queue that are ${cancellableStatuses.join(', ')}; one being sent may be out already`,
    )
  addFilterOptions(cancel, { statuses: cancellableStatuses, limit: 'only so many, the most urgent and oldest first' })
    .option('--dry-run', 'only say what it would do')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet email cancel --id 42\n  $ fleet email cancel --to @example.org --dry-run',
    )
  answers(cancel, async (session, options: ChangeMailsOptions) =>
    (await import('../email/change.ts')).cancelMails(session, options),
  )
}
