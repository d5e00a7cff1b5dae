import { type Command, InvalidArgumentError } from 'commander'
import { channelNames } from '../../notifications/notice.ts'
import { cancellableStatuses, releasableStatuses, whenAmbiguous } from '../../ops/email-status.ts'
import {
  type NotificationPriority,
  notificationPriorities,
  notificationStatuses,
  replayableNotifications,
} from '../../ops/notifications/notification-status.ts'
import { answers } from '../action.ts'
import { momentForms, readMoment } from '../moments.ts'
import type { ChangeNotificationsOptions } from '../notification/change.ts'
import type { Button } from '../notification/draft.ts'
import { addNotificationFilters, type NotificationFilterOptions } from '../notification/filter-options.ts'
import type { SendOptions } from '../notification/send.ts'
import type { ShowOptions } from '../notification/show.ts'
import { by, each, messageId, once, oneOf, someText } from '../option-parsers.ts'
import { addChangeCommand, addListCommand } from './message-commands.ts'
import { addWhyNotification } from './why.ts'

export function addNotificationCommands(program: Command): void {
  const notification = program
    .command('notification')
    .description('notifications by e-mail, Telegram, SMS and in the application')
    .addHelpText('after', '\nExamples:\n  $ fleet notification list --status failed\n  $ fleet notification show 42')
  addSend(notification)
  addList(notification)
  addShow(notification)
  addWhyNotification(notification)
  addReplay(notification)
  addRelease(notification)
  addCancel(notification)
}

function addSend(notification: Command): void {
  const moment = once(by(readMoment, momentForms))
  const link = once(webLink)
  const priorities = Object.keys(notificationPriorities) as NotificationPriority[]
  const send = notification
    .command('send')
    .description('put one notification into the queue')
    .requiredOption('--channel <channel>', channelNames.join(', '), once(oneOf(channelNames)))
    .option('--company <company>', 'to the contact of this company: its id, slug or name', once(someText()))
    .option('--to <recipient>', 'to this address, chat id or phone number instead', once(someText()))
    .option('--subject <text>', 'the subject', once(someText(500)))
    .option('--text <text>', 'what it says; standard input unless this or a template is given', once(String))
    .option('--text-file <path>', 'the same from a file in UTF-8; - for standard input', once(someText()))
    .option('--type <type>', 'what happened: its notification_type', someText(50), 'manual')
    .option('--priority <priority>', priorities.join(', '), oneOf(priorities), 'normal')
    .option('--at <time>', 'not before: ISO, UTC unless said, or from now on as 2h', moment)
    .option('--not-after <time>', 'not later; it expires then', moment)
    .option('--group <id>', 'what it may go out with as one digest', once(someText(100)))
    .option('--dedup-key <key>', 'do nothing where a notification with this key is there', once(someText(255)))
    .option('--fallback <channels>', 'tried where this one fails, the first of them first', each(oneOf(channelNames)))
    .option('--template <id>', 'by e-mail made from this template, filled with --data', once(someText(100)))
    .option('--data <json>', 'event_data: a JSON object', once(someText()))
    .option('--image-url <url>', 'with this image', link)
    .option('--button <Text=URL>', 'with a button under it that opens the address; may be given again', collectButton)
    .option(
      '--when-ambiguous <what>',
      'resend it or hold it, should it perhaps have arrived and nobody know',
      once(oneOf(whenAmbiguous)),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet notification send --channel email --to ann@example.org --subject Hello --text "It works"\n' +
        '  $ fleet notification send --channel telegram --company vertex-ar-demo --fallback email --at 8h < news.txt',
    )
  answers(send, async (session, options: SendOptions) =>
    (await import('../notification/send.ts')).queueNotification(session, options),
  )
}

function webLink(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text
  throw new InvalidArgumentError('Expected an address that begins with https://.')
}

function collectButton(given: string, previous: readonly Button[] = []): Button[] {
  const cut = given.indexOf('=')
  const text = given.slice(0, Math.max(0, cut)).trim()
  if (text === '') throw new InvalidArgumentError('Expected Text=https://…')
  return [...previous, { text, url: webLink(given.slice(cut + 1)) }]
}

function addList(notification: Command): void {
  addListCommand<NotificationFilterOptions>(notification, {
    description: 'notifications, the latest change of status first',
    statuses: notificationStatuses,
    addOwn: addNotificationFilters,
    examples: [
      'notification list --status failed,skipped --since 2h',
      'notification list --channel telegram --company vertex-ar-demo --json',
    ],
    run: async (session, options) => (await import('../notification/list.ts')).showNotifications(session, options),
  })
}

function addShow(notification: Command): void {
  const show = notification
    .command('show')
    .description('everything about one notification')
    .argument('<id>', 'the id of the notification', messageId)
    .option('--body', 'also what it says, and its event_data')
    .addHelpText(
      'after',
      '\nExample:\n  $ fleet notification show 42\n\n"fleet notification why 42" says in a sentence why it is where it is.',
    )
  answers(show, async (session, id: number, options: ShowOptions) =>
    (await import('../notification/show.ts')).showOneNotification(session, id, options),
  )
}

function addReplay(notification: Command): void {
  addChangeCommand<ChangeNotificationsOptions>(notification, {
    name: 'replay',
    description:
      `put notifications back into the queue that are ${replayableNotifications.join(', ')}; each goes by its own channel only, ` +
      'and a digest as a whole',
    statuses: replayableNotifications,
    addOwn: addNotificationFilters,
    examples: [
      'notification replay --id 42',
      'notification replay --channel telegram --status failed --since 2h --dry-run',
    ],
    run: async (session, options) =>
      (await import('../notification/change.ts')).changeNotifications(session, 'replay', options),
  })
}

function addRelease(notification: Command): void {
  addChangeCommand<ChangeNotificationsOptions>(notification, {
    name: 'release',
    description: `send notifications that are ${releasableStatuses.join(', ')} after all; what may have arrived may arrive twice`,
    statuses: releasableStatuses,
    addOwn: addNotificationFilters,
    examples: ['notification release --id 42', 'notification release --error-class answer_lost --dry-run'],
    run: async (session, options) =>
      (await import('../notification/change.ts')).changeNotifications(session, 'release', options),
  })
}

function addCancel(notification: Command): void {
  addChangeCommand<ChangeNotificationsOptions>(notification, {
    name: 'cancel',
    description: `take notifications out of the queue that are ${cancellableStatuses.join(', ')}; one being sent may be out already`,
    statuses: cancellableStatuses,
    addOwn: addNotificationFilters,
    examples: ['notification cancel --id 42', 'notification cancel --company vertex-ar-demo --group welcome --dry-run'],
    run: async (session, options) =>
      (await import('../notification/change.ts')).changeNotifications(session, 'cancel', options),
  })
}
