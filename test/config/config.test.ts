import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { makeRoot } from './project-root.ts'

const load = (env: Record<string, string>, files: Record<string, string> = {}): Config =>
  loadConfig({ env, root: makeRoot(files) })

describe('the configuration', () => {
  test('has the documented defaults when nothing is given', () => {
    expect(load({})).toEqual({
      database: { url: undefined, directUrl: undefined, poolMax: 5 },
      email: {
        sandbox: { overrideTo: undefined, allowlist: undefined },
        smtpUrl: undefined,
        from: { name: 'Vertex AR', address: 'no-reply@localhost' },
        concurrency: 10,
        leaseSeconds: 60,
        pollSeconds: 1,
        backoff: { firstMs: 120_000, lastMs: 14_400_000 },
        maxBytes: 10_000_000,
        holdAmbiguous: [],
        dkim: undefined,
      },
      defaultLocale: 'ru',
      defaultTimeZone: 'Europe/Moscow',
      notifications: {
        concurrency: 10,
        leaseSeconds: 60,
        pollSeconds: 1,
        backoff: { firstMs: 120_000, lastMs: 14_400_000 },
        groupSeconds: 60,
        fallbacks: {},
      },
      telegram: {
        botToken: undefined,
        apiRoot: 'https://api.telegram.org',
        perSecond: 30,
        chatPerSecond: 1,
        chatBurst: 3,
        groupPerMinute: 20,
      },
      sms: { twilio: undefined, gateway: undefined },
      subscriptions: {
        hours: { opens: '09:00', closes: '20:00' },
        longPastDays: 30,
        maxChanges: 1_000,
        maxPercent: 5,
      },
      alerts: { backlogMinutes: 15, backlogCount: 100, failurePercent: 30, sweepMinutes: 40, hostPercent: 90 },
      admin: { email: undefined, telegramChatId: undefined },
      console: { host: '127.0.0.1', port: 8080 },
      metrics: { host: '127.0.0.1', port: undefined },
      retention: {
        auditLog: 'off',
        viewSessions: { count: 25, unit: 'months' },
        emailArchive: 'off',
        emailBodies: 'off',
        emailAttempts: { count: 13, unit: 'months' },
        notificationAttempts: { count: 13, unit: 'months' },
        notifications: 'off',
      },
      archive: { emailAfter: { count: 90, unit: 'days' } },
      shutdownSeconds: 15,
      logLevel: 'info',
      warnings: [],
    })
  })

  test('has what the environment gives', () => {
    expect(
      load({
        DATABASE_URL: 'postgres://fleet:p%40ss@db:6432/vertex?sslmode=disable',
        DATABASE_DIRECT_URL: 'postgresql://fleet@db/vertex',
        DATABASE_POOL_MAX: '100',
        SMTP_URL: 'smtps://user:pass@mail.example.org:465?pool=true',
        EMAIL_FROM: '"Вертекс, АР" <Hello@Почта.рф>',
        EMAIL_CONCURRENCY: ' 3 ',
        EMAIL_LEASE_SECONDS: '5',
        EMAIL_POLL_SECONDS: '0.05',
        EMAIL_BACKOFF: '500ms-2d',
        EMAIL_MAX_BYTES: '1000',
        EMAIL_HOLD_AMBIGUOUS: 'invoice, subscription_expired,invoice',
        DEFAULT_LOCALE: 'en',
        TELEGRAM_BOT_TOKEN: '123456:ABC-def_9',
        TELEGRAM_API_ROOT: 'http://127.0.0.1:8081/',
        ADMIN_EMAIL: 'ops@example.org',
        ADMIN_TELEGRAM_CHAT_ID: '-1001234567890',
        CONSOLE_HOST: '::1',
        CONSOLE_PORT: '1',
        METRICS_HOST: '0.0.0.0',
        METRICS_PORT: '65535',
        RETENTION_AUDIT_LOG: '7 years',
        RETENTION_VIEW_SESSIONS: '400d',
        ARCHIVE_EMAIL_AFTER: 'off',
        RETENTION_EMAIL_ARCHIVE: '1 year',
        RETENTION_EMAIL_BODIES: '60d',
        RETENTION_EMAIL_ATTEMPTS: '90 days',
        RETENTION_NOTIFICATION_ATTEMPTS: '2 months',
        DEFAULT_TIMEZONE: 'Asia/Kolkata',
        NOTIFICATIONS_CONCURRENCY: '4',
        NOTIFICATIONS_LEASE_SECONDS: '30',
        NOTIFICATIONS_POLL_SECONDS: '0.5',
        NOTIFICATIONS_BACKOFF: '1s-1h',
        NOTIFICATIONS_GROUP_SECONDS: '0',
        NOTIFICATIONS_FALLBACK: 'telegram:email, sms : email',
        TELEGRAM_PER_SECOND: '1000',
        TELEGRAM_CHAT_PER_SECOND: '0.5',
        TELEGRAM_CHAT_BURST: '1',
        TELEGRAM_GROUP_PER_MINUTE: '60',
        TWILIO_ACCOUNT_SID: 'AC0123456789abcdef0123456789abcdef',
        TWILIO_AUTH_TOKEN: 'hidden',
        TWILIO_FROM: '+15005550006',
        TWILIO_API_ROOT: 'http://127.0.0.1:8082/',
        SMS_GATEWAY_URL: 'https://sms.example/send?key=k&to={to}&text={text}',
        SMS_GATEWAY_METHOD: 'POST',
        NOTICE_HOURS: '08:30 - 21:00',
        NOTICE_LONG_PAST_DAYS: '60',
        SWEEP_MAX_CHANGES: '5000',
        SWEEP_MAX_PERCENT: '10',
        RETENTION_NOTIFICATIONS: '2 years',
        SHUTDOWN_SECONDS: '600',
        LOG_LEVEL: 'silent',
      }),
    ).toEqual({
      database: {
        url: 'postgres://fleet:p%40ss@db:6432/vertex?sslmode=disable',
        directUrl: 'postgresql://fleet@db/vertex',
        poolMax: 100,
      },
      email: {
        sandbox: { overrideTo: undefined, allowlist: undefined },
        smtpUrl: 'smtps://user:pass@mail.example.org:465?pool=true',
        from: { name: 'Вертекс, АР', address: 'Hello@xn--80a1acny.xn--p1ai' },
        concurrency: 3,
        leaseSeconds: 5,
        pollSeconds: 0.05,
        backoff: { firstMs: 500, lastMs: 172_800_000 },
        maxBytes: 1_000,
        holdAmbiguous: ['invoice', 'subscription_expired'],
        dkim: undefined,
      },
      defaultLocale: 'en',
      defaultTimeZone: 'Asia/Kolkata',
      notifications: {
        concurrency: 4,
        leaseSeconds: 30,
        pollSeconds: 0.5,
        backoff: { firstMs: 1_000, lastMs: 3_600_000 },
        groupSeconds: 0,
        fallbacks: { telegram: 'email', sms: 'email' },
      },
      telegram: {
        botToken: '123456:ABC-def_9',
        apiRoot: 'http://127.0.0.1:8081',
        perSecond: 1_000,
        chatPerSecond: 0.5,
        chatBurst: 1,
        groupPerMinute: 60,
      },
      sms: {
        twilio: {
          accountSid: 'AC0123456789abcdef0123456789abcdef',
          authToken: 'hidden',
          from: '+15005550006',
          apiRoot: 'http://127.0.0.1:8082',
        },
        gateway: { url: 'https://sms.example/send?key=k&to={to}&text={text}', method: 'POST' },
      },
      subscriptions: {
        hours: { opens: '08:30', closes: '21:00' },
        longPastDays: 60,
        maxChanges: 5_000,
        maxPercent: 10,
      },
      alerts: { backlogMinutes: 15, backlogCount: 100, failurePercent: 30, sweepMinutes: 40, hostPercent: 90 },
      admin: { email: 'ops@example.org', telegramChatId: '-1001234567890' },
      console: { host: '::1', port: 1 },
      metrics: { host: '0.0.0.0', port: 65_535 },
      retention: {
        auditLog: { count: 84, unit: 'months' },
        viewSessions: { count: 400, unit: 'days' },
        emailArchive: { count: 12, unit: 'months' },
        emailBodies: { count: 60, unit: 'days' },
        emailAttempts: { count: 90, unit: 'days' },
        notificationAttempts: { count: 2, unit: 'months' },
        notifications: { count: 24, unit: 'months' },
      },
      archive: { emailAfter: 'off' },
      shutdownSeconds: 600,
      logLevel: 'silent',
      warnings: [],
    })
  })

  test('goes past no pooler unless told: the direct URL is the URL', () => {
    expect(load({ DATABASE_URL: 'postgres://db/x' }).database.directUrl).toBe('postgres://db/x')
  })

  test('holds every mail whose delivery is unknown for EMAIL_HOLD_AMBIGUOUS=*', () => {
    expect(load({ EMAIL_HOLD_AMBIGUOUS: '*' }).email.holdAmbiguous).toBe('all')
  })

  test.each([
    'postgres:///vertex?host=/run/postgresql',
    'postgres://fleet:secret@/vertex?host=/run/postgresql',
    'postgres://%2Frun%2Fpostgresql/vertex',
    'postgres://[::1]:5432/vertex',
  ])('takes the database URL %s', (url) => {
    expect(load({ DATABASE_URL: url }).database.url).toBe(url)
  })

  test.each([
    'smtp://localhost',
    'smtp://mail_server:2525/',
    'smtps://:key@host',
    'smtp://[::1]:25?tls.rejectUnauthorized=false',
    'mailbox:',
  ])('takes the mail server %s', (url) => {
    expect(load({ SMTP_URL: url }).email.smtpUrl).toBe(url)
  })

  test('is frozen in all its depth', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
    expect(frozen(load({}))).toBe(true)
  })
})

describe('.env', () => {
  test('gives what the environment does not; an empty value in either counts as not given', () => {
    const config = load(
      { EMAIL_CONCURRENCY: '7', EMAIL_LEASE_SECONDS: '', LOG_LEVEL: '  ' },
      {
        '.env':
          "EMAIL_CONCURRENCY=3\nEMAIL_LEASE_SECONDS=30\nLOG_LEVEL=debug\nEMAIL_FROM='A # B <a@b.ru>'\nMETRICS_PORT=\n",
      },
    )
    expect(config.email).toMatchObject({ concurrency: 7, leaseSeconds: 30, from: { name: 'A # B', address: 'a@b.ru' } })
    expect(config.logLevel).toBe('debug')
    expect(config.metrics.port).toBeUndefined()
  })

  test.each([
    [0o600, 0],
    [0o400, 0],
    [0o640, 1],
    [0o604, 1],
  ])('of mode %o makes %i warnings', (mode, count) => {
    const root = makeRoot({ '.env': 'LOG_LEVEL=debug' })
    chmodSync(join(root, '.env'), mode)
    const { warnings, logLevel } = loadConfig({ env: {}, root })
    expect(logLevel).toBe('debug')
    expect(warnings).toHaveLength(count)
    for (const warning of warnings) expect(warning).toContain(`chmod 600 ${join(root, '.env')}`)
  })

  test('that cannot be read is a fault, and one that is not there is none', () => {
    const root = makeRoot()
    mkdirSync(join(root, '.env'))
    expect(() => loadConfig({ env: {}, root })).toThrow(/\.env: given .*, which cannot be read \(EISDIR\)/)
    expect(() => load({})).not.toThrow()
  })

  test('is read without a word, and the environment stays as it was', () => {
    const root = makeRoot({ '.env': 'LOG_LEVEL=debug\nSMTP_UR=x' })
    const script = `
      import { loadConfig } from ${JSON.stringify(resolve(import.meta.dirname, '../../src/config/config.ts'))}
      const before = JSON.stringify(process.env)
      const config = loadConfig({ root: ${JSON.stringify(root)} })
      process.exitCode = config.logLevel === 'debug' && JSON.stringify(process.env) === before ? 0 : 1`
    const child = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script], {
      encoding: 'utf8',
      env: {},
    })
    expect(child).toMatchObject({ stdout: '', stderr: '', status: 0 })
  })
})

describe('a secret in a file', () => {
  test.each(['smtp://u:p@h', 'smtp://u:p@h\n', 'smtp://u:p@h\r\n\n'])(
    'is read without the line ends at its end: %j',
    (content) => {
      const root = makeRoot({ smtp: content })
      expect(loadConfig({ env: { SMTP_URL_FILE: join(root, 'smtp') }, root }).email.smtpUrl).toBe('smtp://u:p@h')
    },
  )

  test('is found from the root when its path is relative', () => {
    expect(load({ DATABASE_URL_FILE: 'url' }, { url: 'postgres://db/x\n' }).database.url).toBe('postgres://db/x')
  })

  test('named by the environment wins over the value in .env, and the other way round', () => {
    const files = { '.env': 'SMTP_URL=smtp://dotenv', smtp: 'smtp://file' }
    expect(load({ SMTP_URL_FILE: 'smtp' }, files).email.smtpUrl).toBe('smtp://file')
    expect(load({ SMTP_URL: 'smtp://env' }, { '.env': 'SMTP_URL_FILE=missing' }).email.smtpUrl).toBe('smtp://env')
    expect(load({ SMTP_URL: '', SMTP_URL_FILE: '' }, files).email.smtpUrl).toBe('smtp://dotenv')
  })

  test('holds a key in PEM, its line ends kept', () => {
    const files = { key: '123456:token\n' }
    expect(load({ TELEGRAM_BOT_TOKEN_FILE: 'key' }, files).telegram.botToken).toBe('123456:token')
  })
})
