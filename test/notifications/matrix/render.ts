import { smsMatrix } from '../sms/matrix.ts'
import { telegramMatrix } from '../telegram/matrix.ts'
import { mailMatrix } from './mail-cells.ts'

const introduction = `# What every answer comes to

For each channel: every answer, or what comes instead of one, the outcome of the attempt (\`fleet.notification_attempts.outcome\`), and what the
row of \`notifications\` says after the first of three attempts. This page is generated from the tables that the tests go through
(\`test/notifications/*/matrix.ts\`) by \`npm run generate:notification-matrix\`: each line is a test of the exchange over real HTTP, and one of the
row; another test fails when the page is stale. [notifications.md](notifications.md) says what the words mean.
`

/** The text of `docs/notification-outcomes.md`. */
export function renderMatrix(): string {
  const telegram = telegramMatrix.map(({ answer, outcome, status, errorClass, also }) => [
    ...[answer, outcome, status, code(errorClass), also.join('; ')],
  ])
  const sms = (channel: string) =>
    smsMatrix
      .filter((cell) => cell.channel === channel)
      .map(({ answer, outcome, status, errorClass, also }) => [answer, outcome, status, code(errorClass), also])
  const mail = [
    [
      'nobody to write to, no address that can be written to, or nothing to say',
      'skipped',
      'skipped',
      '`no_recipient`, `recipient_invalid`, `message_empty`',
      '',
    ],
    ...mailMatrix.map(({ answer, status, errorClass, also }) => [answer, '', status, code(errorClass), also]),
  ]
  return [
    introduction,
    section('Telegram', telegram),
    section('SMS, whatever the provider', sms('SMS')),
    section('SMS through Twilio', sms('SMS (Twilio)')),
    section('SMS through an HTTP gateway', sms('SMS (gateway)')),
    section('E-mail: what becomes of the mail', mail),
    section('In the application', [['it is there', 'sent', 'sent', '', '']]),
    section('Any other word in `type`', [['there is no such channel', '', 'skipped', '`unknown_channel`', '']]),
  ].join('\n')
}

function code(errorClass: string | null | undefined): string {
  return errorClass ? `\`${errorClass}\`` : ''
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  return [
    `## ${title}`,
    '',
    '| answer | outcome | status | error class | also |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
