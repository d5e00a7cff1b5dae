import { afterEach, describe, expect, it } from 'vitest'
import { smtpCheck } from '../../../src/ops/doctor/smtp-check.ts'
import { telegramCheck } from '../../../src/ops/doctor/telegram-check.ts'
import { localhostCertificate } from '../../fixtures/localhost-certificate.ts'
import { botAnswers } from '../../support/bot-api-answers.ts'
import { startBotApiServer } from '../../support/bot-api-server.ts'
import { type SmtpScript, startSmtpServer } from '../../support/smtp-server.ts'
import { hostWith, told } from './host.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function startServer(options: SmtpScript['options'] = {}) {
  const server = await startSmtpServer({ options })
  stops.push(server.stop)
  return server
}

const examineSmtp = (url: string) => smtpCheck.examine(hostWith({ SMTP_URL: url, DATABASE_URL: 'postgres://db/x' }))

/** A server that lets in `fleet` with the password `right`, and nobody else. */
const guarded: SmtpScript['options'] = {
  authOptional: false,
  allowInsecureAuth: true,
  onAuth({ username, password }, _session, done) {
    if (username === 'fleet' && password === 'right') done(null, { user: username })
    else done(Object.assign(new Error('5.7.8 who are you'), { responseCode: 535 }))
  },
}

describe('the check of the mail server', () => {
  it('logs in, and sends nothing', async () => {
    const { port, mails } = await startServer(guarded)
    expect(await examineSmtp(`smtp://fleet:right@127.0.0.1:${port}`)).toEqual({
      findings: [],
      fine: `127.0.0.1:${port} lets us in unencrypted, on this host`,
    })
    expect(mails).toEqual([])
  })

  it('finds a login that is refused, in the words of the server', async () => {
    const { port } = await startServer(guarded)
    expect(told(await examineSmtp(`smtp://fleet:wrong@127.0.0.1:${port}`))).toEqual([
      `error SMTP_LOGIN_REFUSED: 127.0.0.1:${port}: 535 5.7.8 who are you`,
    ])
  })

  it('finds that no login is offered', async () => {
    const { port } = await startServer({ disabledCommands: ['AUTH', 'STARTTLS'] })
    expect(told(await examineSmtp(`smtp://fleet:right@127.0.0.1:${port}`))).toEqual([
      `warning SMTP_LOGIN_NOT_OFFERED: 127.0.0.1:${port} offers no login`,
    ])
  })

  it('finds that nobody listens, or that we are turned away', async () => {
    const { port, stop } = await startServer({
      onConnect: (_session, done) => done(Object.assign(new Error('4.7.0 go away'), { responseCode: 421 })),
    })
    expect(told(await examineSmtp(`smtp://127.0.0.1:${port}`))).toEqual([
      `error SMTP_UNREACHABLE: 127.0.0.1:${port}: 421 4.7.0 go away`,
    ])
    stops.pop()
    await stop()
    expect(told(await examineSmtp(`smtp://127.0.0.1:${port}`))).toEqual([
      `error SMTP_UNREACHABLE: 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    ])
  })

  it('encrypts, and finds a certificate that it cannot trust', async () => {
    const { port } = await startServer({ ...localhostCertificate, disabledCommands: [] })
    const { findings, fine } = await examineSmtp(`smtp://127.0.0.1:${port}?tls.rejectUnauthorized=false`)
    expect({ findings, fine }).toEqual({ findings: [], fine: `127.0.0.1:${port} answers over TLS` })
    expect(told(await examineSmtp(`smtp://127.0.0.1:${port}?requireTLS=true`))).toEqual([
      expect.stringMatching(/^error SMTP_TLS_FAILED: .*self-signed certificate/),
    ])
  })

  it('finds that encryption is demanded and not offered', async () => {
    const { port } = await startServer()
    expect(told(await examineSmtp(`smtp://127.0.0.1:${port}?requireTLS=true`))).toEqual([
      expect.stringMatching(/^error SMTP_TLS_FAILED: /),
    ])
  })

  it('is not made where none is configured', async () => {
    expect(await smtpCheck.examine(hostWith({ DATABASE_URL: 'postgres://db/x' }))).toEqual({
      findings: [],
      skipped: 'no mail server is configured',
    })
  })
})

describe('the check of the bot', () => {
  async function startBotApi() {
    const server = await startBotApiServer()
    stops.push(server.stop)
    return server
  }
  const examineBot = (token: string, apiRoot: string) =>
    telegramCheck.examine(hostWith({ TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_ROOT: apiRoot }))

  it('asks who the bot is, and nothing else', async () => {
    const { token, apiRoot, port, requests } = await startBotApi()
    expect(await examineBot(token, apiRoot)).toEqual({
      findings: [],
      fine: `127.0.0.1:${port} knows the bot as @vertex_ar_test_bot`,
    })
    expect(requests.map(({ method }) => method)).toEqual(['getMe'])
  })

  it('finds a token that is not known, without telling it', async () => {
    const { apiRoot, port } = await startBotApi()
    expect(told(await examineBot('7000000001:AAA-another_token-of-the-same-length', apiRoot))).toEqual([
      `error BOT_TOKEN_REFUSED: 127.0.0.1:${port}: Unauthorized`,
    ])
  })

  it('finds that nobody answers, or something that is not the Bot API', async () => {
    const server = await startBotApi()
    server.follow(() => botAnswers.proxyError)
    expect(told(await examineBot(server.token, server.apiRoot))).toEqual([
      expect.stringMatching(/^error BOT_API_UNREACHABLE: .*502/),
    ])
    await stops.pop()?.()
    expect(told(await examineBot(server.token, server.apiRoot))).toEqual([
      expect.stringMatching(/^error BOT_API_UNREACHABLE: .*ECONNREFUSED/),
    ])
  })

  it('is not made where there is no bot', async () => {
    const { findings, skipped } = await telegramCheck.examine(hostWith({ DATABASE_URL: 'postgres://db/x' }))
    expect({ findings, skipped }).toEqual({ findings: [], skipped: 'no bot is configured' })
    expect((await telegramCheck.examine(hostWith())).fine).toMatch(/^messages go into .*outbox$/)
  })
})
