import process from 'node:process'
import { projectFolder } from '../runtime/folders.ts'
import type { Mailbox } from '../runtime/mail-address.ts'
import type { Allowlist } from './allowlist.ts'
import { ConfigError, type ConfigFault } from './config-error.ts'
import type { Fallbacks } from './fallbacks.ts'
import { warnOfMisspeltNames } from './misspelt-names.ts'
import type { OpeningHours } from './opening-hours.ts'
import { parseGiven } from './parse-given.ts'
import { findMissing, type Need } from './requirements.ts'
import type { Retention } from './retention.ts'
import { readSources } from './sources.ts'
import type { TemplateChoice } from './template-choice.ts'
import { type Values, type VariableName, variableNames } from './variables.ts'

export { ConfigError } from './config-error.ts'

/** The validated configuration, deeply frozen. What `docs/config.md` calls unset is undefined. */
export interface Config {
  readonly database: {
    readonly url: string | undefined
    /** Past a pooler; the same as `url` unless given. */
    readonly directUrl: string | undefined
    readonly poolMax: number
  }
  readonly email: {
    /** `smtp://…`, `smtps://…` or `mailbox:`. */
    readonly smtpUrl: string | undefined
    readonly from: Mailbox
    /** What keeps the mail of a test installation from people. */
    readonly sandbox: { readonly overrideTo: Mailbox | undefined; readonly allowlist: Allowlist | undefined }
    readonly concurrency: number
    readonly leaseSeconds: number
    readonly pollSeconds: number
    readonly backoff: { readonly firstMs: number; readonly lastMs: number }
    readonly maxBytes: number
    /** The templates whose mails are held when nobody can know whether they have arrived. */
    readonly holdAmbiguous: TemplateChoice
    readonly dkim: { readonly domain: string; readonly selector: string; readonly privateKey: string } | undefined
  }
  readonly defaultLocale: 'ru' | 'en'
  readonly defaultTimeZone: string
  readonly notifications: {
    /** For each channel. */
    readonly concurrency: number
    readonly leaseSeconds: number
    readonly pollSeconds: number
    readonly backoff: { readonly firstMs: number; readonly lastMs: number }
    /** How long one waits for others of its group. */
    readonly groupSeconds: number
    readonly fallbacks: Fallbacks
  }
  readonly telegram: {
    readonly botToken: string | undefined
    /** Without a slash at its end, or `outbox:`. */
    readonly apiRoot: string
    readonly perSecond: number
    readonly chatPerSecond: number
    readonly chatBurst: number
    readonly groupPerMinute: number
  }
  readonly sms: {
    readonly twilio:
      | { readonly accountSid: string; readonly authToken: string; readonly from: string; readonly apiRoot: string }
      | undefined
    /** Its URL has `{to}` and `{text}` in it. */
    readonly gateway: { readonly url: string; readonly method: 'GET' | 'POST' } | undefined
  }
  readonly subscriptions: {
    readonly hours: OpeningHours
    readonly longPastDays: number
    /** A sweep changes no more than the larger of these at once. */
    readonly maxChanges: number
    readonly maxPercent: number
  }
  readonly admin: {
    readonly email: string | undefined
    readonly telegramChatId: string | undefined
    /** Of the default administrator of the embedded database. */
    readonly password: string | undefined
  }
  /** When the administrator is alerted. */
  readonly alerts: {
    readonly backlogMinutes: number
    readonly backlogCount: number
    readonly failurePercent: number
    readonly sweepMinutes: number
    readonly hostPercent: number
  }
  readonly console: { readonly host: string; readonly port: number }
  /** Off without a port, to which the number of PM2's instance is added. */
  readonly metrics: { readonly host: string; readonly port: number | undefined }
  readonly retention: {
    readonly auditLog: Retention
    readonly viewSessions: Retention
    readonly emailArchive: Retention
    readonly emailBodies: Retention
    readonly emailAttempts: Retention
    readonly notificationAttempts: Retention
    readonly notifications: Retention
  }
  /** How long ended mail stays in the queue. */
  readonly archive: { readonly emailAfter: Retention }
  /** What the installation is called; the database is stamped with it. */
  readonly environment: string | undefined
  readonly shutdownSeconds: number
  readonly logLevel: string
  /** For the caller to log once it has a logger: an open `.env`, names that look misspelt. */
  readonly warnings: readonly string[]
}

export interface LoadConfigOptions {
  readonly env?: NodeJS.ProcessEnv
  /** The directory of `.env`, and what a relative path in `NAME_FILE` starts from. By default the project's root. */
  readonly root?: string
  readonly needs?: readonly Need[]
}

/** Reads and validates the configuration. Prints nothing. Throws `ConfigError` with all faults at once. */
export function loadConfig(options: LoadConfigOptions = {}): Config {
  const { config, faults } = surveyConfig(options)
  if (faults.length > 0) throw new ConfigError(faults, config.warnings)
  return config
}

/** What is configured, and what is wrong with it: a variable with a fault counts as not given. For whoever can tell of faults and go on. */
export function surveyConfig({ env = process.env, root = projectFolder, needs = [] }: LoadConfigOptions = {}): {
  readonly config: Config
  readonly faults: readonly ConfigFault[]
} {
  const sources = readSources({ env, root })
  const { values, faults } = parseGiven(sources.given)
  const warnings = [...sources.warnings, ...warnOfMisspeltNames(sources.names)]
  const isGiven = (name: VariableName): boolean =>
    sources.given.has(name) || sources.faults.some(({ variable }) => variable === name || variable === `${name}_FILE`)
  const all = [...sources.faults, ...faults, ...findMissing(isGiven, needs)]
  return {
    config: deepFreeze(toConfig(values, warnings)),
    faults: all.toSorted((a, b) => placeOf(a.variable) - placeOf(b.variable)),
  }
}

function toConfig(values: Values, warnings: string[]): Config {
  return {
    database: {
      url: values.DATABASE_URL,
      directUrl: values.DATABASE_DIRECT_URL ?? values.DATABASE_URL,
      poolMax: values.DATABASE_POOL_MAX,
    },
    email: {
      smtpUrl: values.SMTP_URL,
      from: values.EMAIL_FROM,
      sandbox: { overrideTo: values.EMAIL_OVERRIDE_TO, allowlist: values.EMAIL_ALLOWLIST },
      concurrency: values.EMAIL_CONCURRENCY,
      leaseSeconds: values.EMAIL_LEASE_SECONDS,
      pollSeconds: values.EMAIL_POLL_SECONDS,
      backoff: values.EMAIL_BACKOFF,
      maxBytes: values.EMAIL_MAX_BYTES,
      holdAmbiguous: values.EMAIL_HOLD_AMBIGUOUS ?? [],
      dkim: toDkim(values),
    },
    defaultLocale: values.DEFAULT_LOCALE,
    defaultTimeZone: values.DEFAULT_TIMEZONE,
    notifications: {
      concurrency: values.NOTIFICATIONS_CONCURRENCY,
      leaseSeconds: values.NOTIFICATIONS_LEASE_SECONDS,
      pollSeconds: values.NOTIFICATIONS_POLL_SECONDS,
      backoff: values.NOTIFICATIONS_BACKOFF,
      groupSeconds: values.NOTIFICATIONS_GROUP_SECONDS,
      fallbacks: values.NOTIFICATIONS_FALLBACK ?? {},
    },
    telegram: {
      botToken: values.TELEGRAM_BOT_TOKEN,
      apiRoot: values.TELEGRAM_API_ROOT,
      perSecond: values.TELEGRAM_PER_SECOND,
      chatPerSecond: values.TELEGRAM_CHAT_PER_SECOND,
      chatBurst: values.TELEGRAM_CHAT_BURST,
      groupPerMinute: values.TELEGRAM_GROUP_PER_MINUTE,
    },
    sms: toSms(values),
    subscriptions: {
      hours: values.NOTICE_HOURS,
      longPastDays: values.NOTICE_LONG_PAST_DAYS,
      maxChanges: values.SWEEP_MAX_CHANGES,
      maxPercent: values.SWEEP_MAX_PERCENT,
    },
    admin: {
      email: values.ADMIN_EMAIL,
      telegramChatId: values.ADMIN_TELEGRAM_CHAT_ID,
      password: values.ADMIN_PASSWORD,
    },
    alerts: {
      backlogMinutes: values.ALERT_BACKLOG_MINUTES,
      backlogCount: values.ALERT_BACKLOG_COUNT,
      failurePercent: values.ALERT_FAILURE_PERCENT,
      sweepMinutes: values.ALERT_SWEEP_MINUTES,
      hostPercent: values.ALERT_HOST_PERCENT,
    },
    console: { host: values.CONSOLE_HOST, port: values.CONSOLE_PORT },
    metrics: { host: values.METRICS_HOST, port: values.METRICS_PORT },
    retention: {
      auditLog: values.RETENTION_AUDIT_LOG,
      viewSessions: values.RETENTION_VIEW_SESSIONS,
      emailArchive: values.RETENTION_EMAIL_ARCHIVE,
      emailBodies: values.RETENTION_EMAIL_BODIES,
      emailAttempts: values.RETENTION_EMAIL_ATTEMPTS,
      notificationAttempts: values.RETENTION_NOTIFICATION_ATTEMPTS,
      notifications: values.RETENTION_NOTIFICATIONS,
    },
    archive: { emailAfter: values.ARCHIVE_EMAIL_AFTER },
    environment: values.FLEET_ENVIRONMENT,
    shutdownSeconds: values.SHUTDOWN_SECONDS,
    logLevel: values.LOG_LEVEL,
    warnings,
  }
}

function toDkim({
  DKIM_DOMAIN: domain,
  DKIM_SELECTOR: selector,
  DKIM_PRIVATE_KEY: privateKey,
}: Values): Config['email']['dkim'] {
  return domain === undefined || selector === undefined || privateKey === undefined
    ? undefined
    : { domain, selector, privateKey }
}

function toSms(values: Values): Config['sms'] {
  const {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_FROM: from,
    SMS_GATEWAY_URL: url,
  } = values
  return {
    twilio:
      accountSid === undefined || authToken === undefined || from === undefined
        ? undefined
        : { accountSid, authToken, from, apiRoot: values.TWILIO_API_ROOT },
    gateway: url === undefined ? undefined : { url, method: values.SMS_GATEWAY_METHOD },
  }
}

/** Where the documentation has a variable; what is none (`.env`) comes first. */
function placeOf(variable: string): number {
  return variableNames.findIndex((name) => name === variable || `${name}_FILE` === variable)
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
