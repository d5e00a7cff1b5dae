import { relative } from 'node:path'
import process from 'node:process'
import type { Config } from '../config/config.ts'
import { type AdministratorPassword, administratorEmail } from '../ops/users/default-administrator.ts'
import { assertNever } from '../runtime/assert-never.ts'
import { mailboxFolder, outboxFolder } from '../runtime/folders.ts'
import { defaultPassword } from '../runtime/password-rules.ts'

/** Where the fleet keeps its rows. */
export interface Place {
  readonly url: string
  /** Only where the database is the embedded one. */
  readonly dataDirectory: string | undefined
}

/** Whether, on a database of our own, Telegram messages go into files. */
export function usesOutbox({ telegram }: Config): boolean {
  return telegram.botToken === undefined || telegram.apiRoot === 'outbox:'
}

/** What is said when all of it runs: where everything is, and what to try next. */
export function welcome(
  config: Config,
  { url, dataDirectory }: Place,
  login: AdministratorPassword | undefined,
): string {
  const address = new URL(url)
  const mail = config.email.smtpUrl
  const where =
    dataDirectory === undefined ? 'from DATABASE_URL' : `embedded PostgreSQL, data in ${shown(dataDirectory)}`
  const local = mail === undefined || mail.startsWith('mailbox:')
  const lines = [
    '',
    `The fleet is running (process ${process.pid}).`,
    '',
    `  Database   ${address.host}${address.pathname}: ${where}`,
    local
      ? `  Mail       goes into the local mailbox ${shown(mailboxFolder)}, as .eml files (SMTP_URL names a server)`
      : `  Mail       goes to ${new URL(mail).host}`,
    telegramLine(config, dataDirectory),
    ...(login === undefined ? [] : [`  Login      ${describeLogin(login)}`]),
    '',
    'Try next, in a second terminal:',
    '',
    '  npx fleet status',
    '  npx fleet email list',
    '  npx fleet email send --to you@example.com --subject Hello --text "It works"',
    ...(local ? [`  ls ${shown(mailboxFolder)}`] : []),
    ...(usesOutbox(config) && dataDirectory !== undefined ? [`  ls ${shown(outboxFolder)}`] : []),
    '',
    'Ctrl-C stops it.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

function telegramLine({ telegram }: Config, dataDirectory: string | undefined): string {
  if (telegram.apiRoot === 'outbox:' || (dataDirectory !== undefined && telegram.botToken === undefined)) {
    return `  Telegram   goes into the local outbox ${shown(outboxFolder)}, as text files (TELEGRAM_BOT_TOKEN names a bot)`
  }
  return telegram.botToken === undefined
    ? '  Telegram   is skipped: there is no TELEGRAM_BOT_TOKEN'
    : `  Telegram   goes to ${new URL(telegram.apiRoot).host}`
}

/** Of passwords it names the default one only, which everybody knows. */
function describeLogin(login: AdministratorPassword): string {
  const who = `to the platform as ${administratorEmail}`
  const another = 'npx fleet users set-password sets another'
  switch (login) {
    case 'default':
      return `${who} with the password ${defaultPassword} (ADMIN_PASSWORD or ${another})`
    case 'given':
      return `${who} with the password in ADMIN_PASSWORD`
    case 'own':
      return `${who} with the password that was set (${another})`
    case 'no such user':
      return `${administratorEmail} is not there any more (npx fleet users list)`
    default:
      return assertNever(login)
  }
}

/** Relative to where the user stands, where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}
