import { describe, expect, it } from 'vitest'
import { configurationCheck } from '../../../src/ops/doctor/configuration-check.ts'
import { hostWith, told } from './host.ts'

const fine = {
  DATABASE_URL: 'postgres://db.example.org/fleet',
  SMTP_URL: 'smtps://mail.example.org',
  EMAIL_FROM: 'a@example.org',
  ADMIN_EMAIL: 'ops@example.org',
}

const examine = async (env: Readonly<Record<string, string>>) =>
  told(await configurationCheck.examine(hostWith({ ...fine, ...env })))

describe('the check of the configuration', () => {
  it('has nothing to say of a good one, nor of none, which is the embedded database', async () => {
    expect(await configurationCheck.examine(hostWith(fine))).toEqual({ findings: [], fine: 'every variable is valid' })
    expect((await configurationCheck.examine(hostWith())).findings).toEqual([])
  })

  it('names every fault, and no secret', async () => {
    expect(
      await examine({ SMTP_URL: 'http://user:secret@mail', DATABASE_POOL_MAX: '1', EMAIL_CONCURENCY: '5' }),
    ).toEqual([
      expect.stringMatching(/^error CONFIG_FAULT: DATABASE_POOL_MAX: given "1" \(in the environment\)/),
      expect.stringMatching(/^error CONFIG_FAULT: SMTP_URL: given "http:\/\/\*\*\*@mail" .*; expected smtp:/),
      expect.stringMatching(/^warning CONFIG_DOUBTFUL: EMAIL_CONCURENCY .* did you mean EMAIL_CONCURRENCY\?$/),
    ])
  })

  it.each([
    { env: { SMTP_URL: '' }, finding: 'error SMTP_URL_MISSING: SMTP_URL is not set' },
    {
      env: { SMTP_URL: 'smtp://u:p@mail.example.org' },
      finding: 'warning SMTP_TLS_OPTIONAL: mail.example.org:587: encrypted only where the server offers it',
    },
    {
      env: { SMTP_URL: 'smtp://mail.example.org:25?ignoreTLS=true' },
      finding: 'warning SMTP_TLS_OPTIONAL: mail.example.org:25: encryption is switched off',
    },
    {
      env: { SMTP_URL: 'smtps://mail.example.org?tls.rejectUnauthorized=false' },
      finding: 'warning SMTP_TLS_OPTIONAL: mail.example.org:465: encrypted, but for any certificate',
    },
    {
      env: { EMAIL_FROM: '' },
      finding: 'error EMAIL_FROM_LOCALHOST: EMAIL_FROM is no-reply@localhost, and mail goes to mail.example.org:465',
    },
    {
      env: { ADMIN_EMAIL: '' },
      finding: 'warning ALERTS_TO_NOBODY: neither ADMIN_EMAIL nor ADMIN_TELEGRAM_CHAT_ID is set',
    },
  ])('finds $finding', async ({ env, finding }) => {
    expect(await examine(env)).toEqual([finding])
  })

  it.each([
    'smtp://mail.example.org?requireTLS=true',
    'smtp://127.0.0.1:1025',
    'smtp://localhost',
    'smtp://[::1]:25',
    'mailbox:',
  ])('is content with %s', async (url) => {
    expect(await examine({ SMTP_URL: url })).toEqual([])
  })
})
