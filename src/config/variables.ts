import type { z } from 'zod'
import { readMailAddress, readMailbox, readMailDomain } from '../runtime/mail-address.ts'
import { passwordForm, readPassword } from '../runtime/password-rules.ts'
import { alertVariables } from './alert-variables.ts'
import { readAllowlist } from './allowlist.ts'
import { readBackoff } from './backoff.ts'
import { lifecycleVariables } from './lifecycle-variables.ts'
import { notificationVariables } from './notification-variables.ts'
import { readDkimKey } from './private-key.ts'
import { readRetention } from './retention.ts'
import { decimalNumber, matching, oneOf, readBy, type TextSchema, wholeNumber } from './schemas.ts'
import { readTemplateChoice } from './template-choice.ts'
import { readDatabaseUrl, readHost, readSmtpUrl } from './urls.ts'

/** One environment variable: all that parsing, the text of faults and `docs/config.md` are made from. */
export interface Variable {
  readonly group:
    | 'Database'
    | 'E-mail'
    | 'DKIM'
    | 'Notifications'
    | 'Telegram'
    | 'SMS'
    | 'Subscriptions'
    | 'Administrator'
    | 'Console and metrics'
    | 'Retention'
    | 'Process'
  /** What it means, in Markdown. */
  readonly description: string
  readonly schema: TextSchema
  /** The text that counts when none is given. */
  readonly default?: string
  /** For a variable without a default: what holds when it is not given, in Markdown. */
  readonly unset?: string
  /** Never shown, and can be given as a file by `NAME_FILE`. */
  readonly secret?: true
}

const port = wholeNumber(1, 65_535)
const databaseUrl = readBy('`postgres://user:password@host:port/name?options` or `postgresql://…`', readDatabaseUrl)
const retention = readBy(
  '`off`, or a number of days, months or years such as `400d`, `13 months`, `2 years`',
  readRetention,
)
const domain = readBy('a domain such as `example.org`', readMailDomain)

const table = {
  DATABASE_URL: {
    group: 'Database',
    description: 'PostgreSQL connection string.',
    schema: databaseUrl,
    unset: 'an embedded PostgreSQL (only `npm start`, tests and demo; a worker started alone demands it)',
    secret: true,
  },
  DATABASE_DIRECT_URL: {
    group: 'Database',
    description: 'The same database past a pooler, for LISTEN, migrations and advisory locks.',
    schema: databaseUrl,
    unset: '`DATABASE_URL`',
    secret: true,
  },
  DATABASE_POOL_MAX: {
    group: 'Database',
    description: 'Connections per process.',
    schema: wholeNumber(2, 100),
    default: '5',
  },
  SMTP_URL: {
    group: 'E-mail',
    description:
      'The mail server, with options as nodemailer reads them, or `mailbox:` for the local mailbox `.fleet/mailbox/`.',
    schema: readBy('`smtp://user:password@host:port?options`, `smtps://…`, or `mailbox:`', readSmtpUrl),
    unset: 'the local mailbox on the embedded database; on any other it is a fault for what sends mail',
    secret: true,
  },
  EMAIL_FROM: {
    group: 'E-mail',
    description: 'The From header of every mail.',
    schema: readBy('one address, `Name <name@example.org>` or `name@example.org`', readMailbox),
    default: 'Vertex AR <no-reply@localhost>',
  },
  EMAIL_OVERRIDE_TO: {
    group: 'E-mail',
    description:
      'For tests: gets all mail in place of those it is for, whom it names in the subject. [operations/staging.md](operations/staging.md) says more.',
    schema: readBy('one address, `Name <name@example.org>` or `name@example.org`', readMailbox),
    unset: 'mail goes to those it is for',
  },
  EMAIL_ALLOWLIST: {
    group: 'E-mail',
    description:
      'For tests: addresses, and domains as `@example.org`, between commas, that mail may go to. Any other mail goes to `EMAIL_OVERRIDE_TO`, or is held.',
    schema: readBy('addresses, and domains as `@example.org`, between commas', readAllowlist),
    unset: 'mail may go to everybody',
  },
  EMAIL_CONCURRENCY: {
    group: 'E-mail',
    description: 'SMTP connections per process.',
    schema: wholeNumber(1, 1_000),
    default: '10',
  },
  EMAIL_LEASE_SECONDS: {
    group: 'E-mail',
    description: 'How long a claim on a mail holds without being renewed, in seconds.',
    schema: wholeNumber(5, 3_600),
    default: '60',
  },
  EMAIL_POLL_SECONDS: {
    group: 'E-mail',
    description: 'The time between two looks for due mail when no NOTIFY arrives, in seconds.',
    schema: decimalNumber(0.05, 60),
    default: '1',
  },
  EMAIL_BACKOFF: {
    group: 'E-mail',
    description:
      'The first and the last delay between attempts. Over the `max_attempts` of a row those between grow geometrically; up to 20 % are added at random.',
    schema: readBy(
      'two durations such as `2m-4h` (units `ms`, `s`, `m`, `h`, `d`; at most 30d), the first not longer than the last',
      readBackoff,
    ),
    default: '2m-4h',
  },
  EMAIL_MAX_BYTES: {
    group: 'E-mail',
    description: 'A composed mail that is larger fails before it is sent. In bytes.',
    schema: wholeNumber(1_000),
    default: '10000000',
  },
  EMAIL_HOLD_AMBIGUOUS: {
    group: 'E-mail',
    description:
      'Mails of these templates are held for an operator, and not sent again, when the mail server may have them and nobody can know; `*` for every mail. [email-queue.md](email-queue.md#what-may-come-twice) says more.',
    schema: readBy('ids of templates between commas, or `*`', readTemplateChoice),
    unset: 'none: such a mail is sent again, unless its row says `hold`',
  },
  DEFAULT_LOCALE: {
    group: 'E-mail',
    description: 'The language of mails and notices that do not say theirs.',
    schema: oneOf(['ru', 'en']),
    default: 'ru',
  },
  DKIM_DOMAIN: {
    group: 'DKIM',
    description:
      'The domain that signs mail (DKIM, RFC 6376). The three `DKIM_` variables are given together, or none of them.',
    schema: domain,
    unset: 'the fleet does not sign mail',
  },
  DKIM_SELECTOR: {
    group: 'DKIM',
    description: "Which of the domain's keys signs: its public half is in the DNS at `<selector>._domainkey.<domain>`.",
    schema: matching(
      'a selector such as `mail2026`',
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i,
    ),
    unset: 'the fleet does not sign mail',
  },
  DKIM_PRIVATE_KEY: {
    group: 'DKIM',
    description: 'The private key that signs. Line ends may be written as `\\n`.',
    schema: readBy('an unencrypted RSA private key in PEM, of 1024 bits or more', readDkimKey),
    unset: 'the fleet does not sign mail',
    secret: true,
  },
  ...notificationVariables,
  ...lifecycleVariables,
  ADMIN_EMAIL: {
    group: 'Administrator',
    description: 'Where alerts and the daily digest go by e-mail.',
    schema: readBy('one address, `name@example.org`', readMailAddress),
    unset: 'none are sent by e-mail',
  },
  ADMIN_TELEGRAM_CHAT_ID: {
    group: 'Administrator',
    description: 'Where alerts and the daily digest go by Telegram.',
    schema: matching(
      'the id of a user, group or channel (a whole number, negative for groups), or `@name`',
      /^(-?\d{1,19}|@[a-z]\w{3,31})$/i,
    ),
    unset: 'none are sent by Telegram',
  },
  ...alertVariables,
  ADMIN_PASSWORD: {
    group: 'Administrator',
    description:
      'On the embedded database, the password of `admin@vertexar.com`: `npm start` sets it at every start. On any other, `fleet users set-password` does.',
    schema: readBy(passwordForm, readPassword),
    unset: '`admin123`, until another is set',
    secret: true,
  },
  CONSOLE_HOST: {
    group: 'Console and metrics',
    description: 'The address that the ops console listens on.',
    schema: readBy('an IP address or a host name', readHost),
    default: '127.0.0.1',
  },
  CONSOLE_PORT: {
    group: 'Console and metrics',
    description: 'Its port. A taken port ends the console with status 1.',
    schema: port,
    default: '8080',
  },
  METRICS_HOST: {
    group: 'Console and metrics',
    description:
      "The address that each worker's metrics and health are served on: `0.0.0.0` in a container, or where Prometheus runs on another host.",
    schema: readBy('an IP address or a host name', readHost),
    default: '127.0.0.1',
  },
  METRICS_PORT: {
    group: 'Console and metrics',
    description:
      "The base port of each worker's metrics and health; PM2's instance number is added. A taken port is a warning. [operations/metrics.md](operations/metrics.md) says more.",
    schema: port,
    unset: 'off',
  },
  RETENTION_AUDIT_LOG: {
    group: 'Retention',
    description:
      'How long the audit log is kept. What is older is dropped, a month at a time; [retention.md](retention.md) says more.',
    schema: retention,
    default: 'off',
  },
  RETENTION_VIEW_SESSIONS: {
    group: 'Retention',
    description: 'How long visits, `ar_view_sessions`, are kept.',
    schema: retention,
    default: '25 months',
  },
  ARCHIVE_EMAIL_AFTER: {
    group: 'Retention',
    description:
      'How long mail that was sent, failed, was cancelled or has expired stays in `email_queue`. Then it is moved to `fleet.email_archive`; [email-queue.md](email-queue.md) says more.',
    schema: retention,
    default: '90d',
  },
  RETENTION_EMAIL_ARCHIVE: {
    group: 'Retention',
    description:
      'How long archived mail is kept, counted from when it ended. What is older is dropped, a month at a time.',
    schema: retention,
    default: 'off',
  },
  RETENTION_EMAIL_BODIES: {
    group: 'Retention',
    description:
      'How long it is kept what mail said (subject, texts, variables of its template), in the queue and in the archive, counted from when it ended. What is older is erased; the rest of the mail stays. [operations/erasing-a-person.md](operations/erasing-a-person.md#old-bodies) says more.',
    schema: retention,
    default: 'off',
  },
  RETENTION_EMAIL_ATTEMPTS: {
    group: 'Retention',
    description:
      'How long the ledger of attempts at sending mail, `fleet.email_attempts`, is kept. What is older is dropped, a month at a time.',
    schema: retention,
    default: '13 months',
  },
  RETENTION_NOTIFICATION_ATTEMPTS: {
    group: 'Retention',
    description:
      'How long the ledger of attempts at notifications, `fleet.notification_attempts`, is kept. What is older is dropped, a month at a time.',
    schema: retention,
    default: '13 months',
  },
  RETENTION_NOTIFICATIONS: {
    group: 'Retention',
    description: 'How long notifications are kept that were sent, failed, were skipped or cancelled or have expired.',
    schema: retention,
    default: 'off',
  },
  FLEET_ENVIRONMENT: {
    group: 'Process',
    description:
      'What this installation is called, such as `production` or `staging`. Workers send nothing from a database that is stamped with another name. [operations/wrong-database.md](operations/wrong-database.md) says more.',
    schema: matching('lower-case letters, digits, `-` and `_`, at most 50', /^[a-z0-9][a-z0-9_-]{0,49}$/),
    unset: 'a database that is stamped without a name',
  },
  SHUTDOWN_SECONDS: {
    group: 'Process',
    description:
      "How long a worker that is told to stop finishes what is in flight, in seconds; the rest is given back. Keep PM2's `kill_timeout` above it.",
    schema: wholeNumber(1, 600),
    default: '15',
  },
  LOG_LEVEL: {
    group: 'Process',
    description: 'The least level that is logged.',
    schema: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
  },
} as const satisfies Record<string, Variable>

export type VariableName = keyof typeof table

/** Every variable that the fleet reads, in the order of the documentation. */
export const variables: Readonly<Record<VariableName, Variable>> = table

/** The values of all variables: undefined where nothing was given and there is no default. */
export type Values = {
  readonly [Name in VariableName]: (typeof table)[Name] extends { readonly default: string }
    ? z.output<(typeof table)[Name]['schema']>
    : z.output<(typeof table)[Name]['schema']> | undefined
}

/** The names, in the order of the documentation. */
export const variableNames = Object.keys(table) as readonly VariableName[]
