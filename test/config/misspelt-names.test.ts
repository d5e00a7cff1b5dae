import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from '../../src/config/config.ts'
import { makeRoot } from './project-root.ts'

const warningsFrom = (env: NodeJS.ProcessEnv) => loadConfig({ env, root: makeRoot() }).warnings

describe('a name that looks like one of the variables', () => {
  test.each([
    ['EMAIL_CONCURENCY', 'EMAIL_CONCURRENCY'],
    ['SMTP_UR', 'SMTP_URL'],
    ['SMPT_URL', 'SMTP_URL'],
    ['smtp_url', 'SMTP_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['SMTP_URL_FIEL', 'SMTP_URL_FILE'],
    ['LOGLEVEL', 'LOG_LEVEL'],
  ])('is a warning: %s', (given, meant) => {
    expect(warningsFrom({ [given]: 'x' })).toEqual([
      `${given} (in the environment) is not a variable of the fleet; did you mean ${meant}?`,
    ])
  })

  test.each([
    'PATH',
    'HOME',
    'SMTP_HOST',
    'SMTP_USER',
    'SMTP_PORT',
    'EMAIL',
    'DATABASE',
    'PORT',
    'NODE_ENV',
    'TELEGRAM_TOKEN_TTL',
  ])('is not %s', (name) => {
    expect(warningsFrom({ [name]: 'x' })).toEqual([])
  })

  test('is none when it is empty', () => {
    expect(warningsFrom({ SMTP_UR: '' })).toEqual([])
  })

  test('is found in .env, too', () => {
    const root = makeRoot({ '.env': 'EMAIL_BACKOF=1s-2s' })
    expect(loadConfig({ env: {}, root }).warnings).toEqual([
      `EMAIL_BACKOF (in ${join(root, '.env')}) is not a variable of the fleet; did you mean EMAIL_BACKOFF?`,
    ])
  })

  test('is pointed out beside the faults, since it may explain one', () => {
    const load = () => loadConfig({ env: { SMTP_UR: 'smtp://u:hunter2@h' }, root: makeRoot(), needs: ['smtp'] })
    expect(load).toThrow(ConfigError)
    expect(load).toThrow(/Note: SMTP_UR .* did you mean SMTP_URL\?/)
    expect(load).not.toThrow(/hunter2/)
  })
})

test('a file for what is not a secret is a warning: it is not read', () => {
  expect(warningsFrom({ EMAIL_FROM_FILE: '/run/secrets/from' })).toEqual([
    'EMAIL_FROM_FILE (in the environment) is not read: only secrets are read from files; give EMAIL_FROM itself',
  ])
})

test('the variables of this very process are not taken for ours', () => {
  const others = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(npm|NODE|VITEST|PATH|HOME|LANG)/i.test(name)),
  )
  expect(warningsFrom(others)).toEqual([])
})
