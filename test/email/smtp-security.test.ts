import { connect } from 'node:net'
import type { SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { SmtpLane, type SmtpOptions } from '../../src/email/smtp-lane.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

const envelope = { from: 'us@vertex.example', to: ['a@x.example', 'почта@x.example'] }
const message = Buffer.from('Subject: hello\r\n\r\n.hello\r\n')
const granted = async () => true

const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const run of cleanup.splice(0)) await run()
})

async function start(options: SMTPServerOptions, lane: SmtpOptions = {}) {
  const sessions: { secure: boolean; user: string | undefined }[] = []
  const server = await startSmtpServer({
    options: {
      onAuth: ({ username, password }, _session, done) =>
        password === 'right' ? done(null, { user: username }) : done(new Error('no such login')),
      onRcptTo: (_address, { secure, user }, done) => {
        sessions.push({ secure, user: user || undefined })
        done()
      },
      ...options,
    },
  })
  const client = new SmtpLane({ host: '127.0.0.1', port: server.port, tls: { rejectUnauthorized: false }, ...lane })
  cleanup.push(() => client.close(), server.stop)
  return { server, client, sessions }
}

describe('a lane', () => {
  const login = { user: 'fleet', pass: 'right' }
  it.each([
    ['STARTTLS', { disabledCommands: ['AUTH'] }, {}, { secure: true, user: undefined }],
    [
      'TLS from the start',
      { secure: true, disabledCommands: ['AUTH'] },
      { secure: true },
      { secure: true, user: undefined },
    ],
    [
      'STARTTLS and a login',
      { disabledCommands: [], authOptional: false },
      { auth: login },
      { secure: true, user: 'fleet' },
    ],
    [
      'a login by CRAM-MD5',
      {
        disabledCommands: ['STARTTLS'],
        authMethods: ['CRAM-MD5'],
        onAuth: ({ username, validatePassword }, _session, done) =>
          validatePassword('right') ? done(null, { user: username }) : done(new Error('no such login')),
      },
      { auth: login },
      { secure: false, user: 'fleet' },
    ],
    ['neither', { disabledCommands: ['STARTTLS', 'AUTH'] }, {}, { secure: false, user: undefined }],
    ['no pipelining', { disabledCommands: ['AUTH'], hidePIPELINING: true }, {}, { secure: true, user: undefined }],
  ] satisfies [string, SMTPServerOptions, SmtpOptions, object][])(
    'delivers with %s',
    async (_how, options, lane, seen) => {
      const { server, client, sessions } = await start(options, lane)
      for (const _ of [1, 2]) {
        const exchange = await client.exchange(envelope, message, granted)
        expect(exchange).toMatchObject({ stage: 'handed_over', message: { code: 250 } })
      }
      expect(server.mails.map(({ source }) => source)).toEqual([String(message), String(message)])
      expect(sessions).toEqual([seen, seen, seen, seen])
      expect(server.connections).toBe(1)
    },
  )

  it('carries a large message through TLS', async () => {
    const { server, client } = await start({ disabledCommands: ['AUTH'] })
    const large = Buffer.from(`Subject: large\r\n\r\n${'.dot\r\nno dot\r\n'.repeat(50_000)}`)
    expect((await client.exchange(envelope, large, granted)).message?.code).toBe(250)
    expect(server.mails[0]?.source).toBe(String(large))
  })

  it('hands nothing over through TLS where handOver says no', async () => {
    const { server, client } = await start({ disabledCommands: ['AUTH'] })
    const exchange = await client.exchange(envelope, message, async () => false)
    expect(exchange).toMatchObject({ stage: 'body', fault: { code: 'EWITHDRAWN' } })
    expect((await client.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect(server.mails).toHaveLength(1)
  })

  it('reports a refused login', async () => {
    const { client } = await start({ disabledCommands: [] }, { auth: { user: 'fleet', pass: 'wrong' } })
    expect(await client.exchange(envelope, message, granted)).toMatchObject({
      stage: 'login',
      fault: { code: 'EAUTH' },
    })
  })

  it('says so where nodemailer is not alone in listening to its socket', async () => {
    const { server } = await start({ disabledCommands: ['STARTTLS', 'AUTH'] })
    const connection = connect(server.port, '127.0.0.1')
    connection.on('data', () => {})
    const lane = new SmtpLane({ connection })
    const exchange = await lane.exchange(envelope, message, granted)
    expect(exchange.fault?.message).toContain('nodemailer is not the one this was written for')
    expect({ stage: exchange.stage, mails: server.mails }).toEqual({ stage: 'login', mails: [] })
  })
})
