import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, type LoadConfigOptions, loadConfig } from '../../src/config/config.ts'
import { variableNames, variables } from '../../src/config/variables.ts'
import { makeRoot } from './project-root.ts'

function errorFrom(options: LoadConfigOptions): ConfigError {
  try {
    loadConfig({ root: makeRoot(), ...options })
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration has no faults')
}

const faultsFrom = (env: Record<string, string>) => errorFrom({ env }).faults

describe('a value that cannot be used', () => {
  test.each([
    ['DATABASE_POOL_MAX', ['1', '101', '5.5', '-5', '1e1', '0x10', 'ten', '١٠']],
    [
      'DATABASE_URL',
      ['db', 'mysql://db/x', 'postgres:db', 'postgres://h:port/x', 'postgres://u:p/w@h/x', 'postgres://u:p#w@h/x'],
    ],
    [
      'DATABASE_URL',
      ['postgres://u:%E9@h/x', 'postgres://u:1/w@h', 'postgres://u:1?w@h', 'postgres://h/a/b', 'postgres://h/x y'],
    ],
    [
      'SMTP_URL',
      [
        'mail.example.org',
        'mailbox',
        'mailbox://x',
        'http://h',
        'smtp:h',
        'smtp://',
        'smtp://h:99999',
        'smtp://u:p@h/x',
      ],
    ],
    ['SMTP_URL', ['smtp://u:1/w@h', 'smtp://u:1#w@h', 'smtp://u:1?w@h', 'smtp://u:p w@h', 'smtp://h\nx']],
    ['EMAIL_FROM', ['Vertex', 'a@b.ru, c@d.ru', 'a@b.ru\r\nBcc: x@y.ru', 'Vertex <a@b..ru>', '<>', '"Vertex <a@b.ru>']],
    ['EMAIL_CONCURRENCY', ['0', '1001']],
    ['EMAIL_LEASE_SECONDS', ['4', '3601']],
    ['EMAIL_POLL_SECONDS', ['0', '0.04', '61', '1,5', '.5', '1s']],
    ['EMAIL_BACKOFF', ['2m', '4h-2m', '0s-1s', '2-4', '2m-4w', '1.5h-2h', '1d-31d', '2m-4h-6h']],
    ['EMAIL_MAX_BYTES', ['999', '10MB', '99999999999999999999']],
    ['EMAIL_HOLD_AMBIGUOUS', ['a,', ',', '*,a', 'all mails', 'Invoice', 'a;b', '../a']],
    ['DEFAULT_LOCALE', ['de', 'RU']],
    ['DKIM_DOMAIN', ['-', 'a b', 'example..org']],
    ['DKIM_SELECTOR', ['a b', '-a', 'a;b']],
    ['DKIM_PRIVATE_KEY', ['secret', '-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----']],
    ['TELEGRAM_BOT_TOKEN', ['token', '123456', '123456:a b']],
    ['TELEGRAM_API_ROOT', ['api.telegram.org', 'ftp://h', 'http://u:p@h', 'http://h?x', 'outbox']],
    ['ADMIN_EMAIL', ['ops', 'Ops <ops@example.org>', 'a@b.ru,c@d.ru']],
    ['ADMIN_TELEGRAM_CHAT_ID', ['@', '12a', '--1', '@no name']],
    ['CONSOLE_HOST', ['[::1]', 'a b', 'http://localhost', '::zz']],
    ['CONSOLE_PORT', ['0', '65536']],
    ['METRICS_PORT', ['0', 'off']],
    [
      'RETENTION_AUDIT_LOG',
      ['0d', '13', 'months', '-1 months', '1.5 years', '13 weeks', '101 years', '36501d', 'OFF', 'never'],
    ],
    ['RETENTION_VIEW_SESSIONS', ['0 months', '13m']],
    ['SHUTDOWN_SECONDS', ['0', '601']],
    ['LOG_LEVEL', ['verbose', 'INFO']],
  ])('is a fault that says what is expected: %s %j', (variable, texts) => {
    for (const text of texts) {
      const fault = faultsFrom({ [variable]: text }).find((candidate) => candidate.variable === variable)
      expect(fault, text).toMatchObject({ source: 'the environment', expected: expect.stringMatching(/\w+/) })
    }
  })

  test('every variable is described, and every default is valid by its own schema', () => {
    for (const name of variableNames) {
      const { schema, description, default: fallback, unset } = variables[name]
      expect(schema.description, name).toMatch(/\w/)
      expect(description, name).toMatch(/\.$/)
      expect(
        [fallback, unset].filter((text) => text !== undefined),
        name,
      ).toHaveLength(1)
      if (fallback !== undefined) expect(schema.safeParse(fallback).success, name).toBe(true)
    }
  })
})

describe('the error', () => {
  test('names all faults at once, in the order of the documentation, in a line or two each', () => {
    const root = makeRoot({ '.env': 'EMAIL_CONCURRENCY=0' })
    const error = errorFrom({ env: { LOG_LEVEL: 'loud', EMAIL_FROM: 'x@' }, root, needs: ['database', 'smtp'] })
    expect(error.faults.map(({ variable }) => variable)).toEqual([
      'DATABASE_URL',
      'SMTP_URL',
      'EMAIL_FROM',
      'EMAIL_CONCURRENCY',
      'LOG_LEVEL',
    ])
    expect(error.format()).toBe(error.message)
    expect(error.message.split('\n').slice(5)).toEqual([
      '  EMAIL_FROM: given "x@" (in the environment), which has no domain;',
      '    expected one address, Name <name@example.org> or name@example.org',
      `  EMAIL_CONCURRENCY: given "0" (in ${join(root, '.env')});`,
      '    expected a whole number from 1 to 1000',
      '  LOG_LEVEL: given "loud" (in the environment);',
      '    expected one of trace, debug, info, warn, error, fatal, silent',
      'docs/config.md describes every variable.',
    ])
  })

  test('says why a worker needs a database and a word on where mail goes', () => {
    const { faults } = errorFrom({ env: {}, needs: ['database', 'smtp'] })
    expect(faults).toEqual([
      {
        variable: 'DATABASE_URL',
        given: 'nothing',
        expected: expect.stringContaining('"npm start" brings an embedded one'),
      },
      {
        variable: 'SMTP_URL',
        given: 'nothing',
        expected: expect.stringContaining('mailbox: to ask for the local mailbox by name'),
      },
    ])
    expect(() => loadConfig({ env: { SMTP_URL: 'mailbox:' }, root: makeRoot(), needs: ['smtp'] })).not.toThrow()
  })

  test('names a faulty variable once, even if it is needed', () => {
    expect(errorFrom({ env: { SMTP_URL: 'x' }, needs: ['smtp'] }).faults).toHaveLength(1)
    expect(errorFrom({ env: { SMTP_URL_FILE: 'missing' }, needs: ['smtp'] }).faults).toHaveLength(1)
  })

  test('refuses a direct URL without a URL: the two would be different databases', () => {
    expect(faultsFrom({ DATABASE_DIRECT_URL: 'postgres://db/x' })).toMatchObject([
      { variable: 'DATABASE_URL', given: 'nothing' },
    ])
  })

  test('shows control characters escaped and long values cut', () => {
    expect(faultsFrom({ EMAIL_FROM: `a\u001b[31m@b\r\n` })[0]?.given).toBe('"a\\u001b[31m@b"')
    expect(faultsFrom({ LOG_LEVEL: 'x'.repeat(10_000) })[0]?.given.length).toBeLessThan(130)
  })
})

describe('a secret in a fault', () => {
  test.each([
    ['DATABASE_URL', 'mysql://fleet:hunter2@db.example.org:3306/vertex', '"mysql://***@db.example.org:3306/***"'],
    ['DATABASE_URL', 'postgres://fleet:hunter2@db/a/b', '"postgres://***@db/***"'],
    ['DATABASE_URL', 'postgres://fleet:hun/ter2@db/x', '"postgres://***"'],
    ['DATABASE_URL', 'postgres://fleet:12/hunter2@db', '"postgres://***"'],
    ['DATABASE_URL', 'postgres://db:1/a/b?password=hunter2', '"postgres://db:1/***"'],
    ['SMTP_URL', 'smtp://fleet:1#hunter2@mail', '"smtp://***"'],
    ['SMTP_URL', 'fleet:hunter2@mail', 'a secret of 18 characters'],
    ['SMTP_URL', 'mailbox', '"mailbox"'],
    ['TELEGRAM_BOT_TOKEN', 'hunter2', 'a secret of 7 characters'],
    ['DKIM_PRIVATE_KEY', '-----BEGIN PRIVATE KEY-----hunter2', 'a secret of 34 characters'],
  ])('is masked: %s', (variable, text, given) => {
    const error = errorFrom({ env: { [variable]: text } })
    expect(error.faults.find((fault) => fault.variable === variable)?.given).toBe(given)
    expect(JSON.stringify([error.message, error.faults, error.stack])).not.toContain('hunter2')
  })

  test('is masked when it comes from a file, and the file is named', () => {
    const root = makeRoot({ smtp: 'smtp://fleet:hunter2@mail/path' })
    expect(errorFrom({ env: { SMTP_URL_FILE: 'smtp' }, root }).faults).toMatchObject([
      { variable: 'SMTP_URL', given: '"smtp://***@mail/***"', source: join(root, 'smtp') },
    ])
  })

  test('in a file that is missing, empty or no file is a fault that names the path', () => {
    const root = makeRoot({ empty: ' \n' })
    const reasons = ['missing', 'empty', '.'].map((path) => errorFrom({ env: { SMTP_URL_FILE: path }, root }).faults[0])
    expect(reasons).toMatchObject([
      { variable: 'SMTP_URL_FILE', given: join(root, 'missing'), reason: 'cannot be read (ENOENT)' },
      { variable: 'SMTP_URL_FILE', given: join(root, 'empty'), reason: 'is empty' },
      { variable: 'SMTP_URL_FILE', given: root, reason: 'cannot be read (EISDIR)' },
    ])
  })

  test('given both as a value and as a file in one place is a fault', () => {
    expect(faultsFrom({ SMTP_URL: 'smtp://u:hunter2@h', SMTP_URL_FILE: 'smtp' })).toMatchObject([
      { variable: 'SMTP_URL', given: 'both SMTP_URL and SMTP_URL_FILE', source: 'the environment' },
    ])
  })
})

describe('DKIM', () => {
  const pem = (bits: number) =>
    generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

  test('takes a key with its line ends written as \\n', () => {
    const key = pem(1024)
    const env = { DKIM_DOMAIN: 'Example.org', DKIM_SELECTOR: 'mail2026', DKIM_PRIVATE_KEY: key.replaceAll('\n', '\\n') }
    expect(loadConfig({ env, root: makeRoot() }).email.dkim).toEqual({
      domain: 'example.org',
      selector: 'mail2026',
      privateKey: key,
    })
  })

  test('wants all three variables or none', () => {
    expect(faultsFrom({ DKIM_SELECTOR: 'mail' })).toMatchObject([
      {
        variable: 'DKIM_DOMAIN',
        given: 'nothing',
        expected: expect.stringContaining('because DKIM_SELECTOR is given'),
      },
      { variable: 'DKIM_PRIVATE_KEY', given: 'nothing' },
    ])
    expect(faultsFrom({ DKIM_SELECTOR: 'mail', DKIM_DOMAIN_FILE: 'x', DKIM_PRIVATE_KEY: pem(1024) })).toMatchObject([
      { variable: 'DKIM_DOMAIN' },
    ])
  })

  test('refuses keys that nodemailer cannot sign with, or that receivers reject', () => {
    const env = { DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 'mail' }
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const locked = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey
    const reasons = [ed25519, pem(512), locked].map((key) => faultsFrom({ ...env, DKIM_PRIVATE_KEY: key })[0]?.reason)
    expect(reasons).toEqual([
      'is a key of another kind (ed25519)',
      'is a key of 512 bits',
      'is not an unencrypted private key in PEM',
    ])
  })
})
