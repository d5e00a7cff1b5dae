import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelPause } from '../../../src/notifications/channel-pause.ts'
import { configuredDriver } from '../../../src/notifications/channels/sms/configured-driver.ts'
import { type GatewaySettings, gatewayDriver } from '../../../src/notifications/channels/sms/gateway-driver.ts'
import { smsChannel } from '../../../src/notifications/channels/sms/sms-channel.ts'
import { type TwilioSettings, twilioDriver } from '../../../src/notifications/channels/sms/twilio-driver.ts'
import { firmHold, smsNotice } from './notices.ts'
import { type Reaction, type ScriptedServer, type SeenRequest, startScriptedServer } from './scripted-server.ts'

const taken: Reaction = { status: 201, body: '{"sid":"SM1"}' }
const untouched = { outcome: { kind: 'untouched', delayMs: 0 } }

let server: ScriptedServer
let log: string[]
let reasons: string[]

beforeEach(async () => {
  server = await startScriptedServer()
  server.react = taken
  log = []
  reasons = []
})

afterEach(() => server.close())

function twilio(more: Partial<TwilioSettings> = {}): TwilioSettings {
  const accountSid = 'AC0123456789abcdef0123456789abcdef'
  return { accountSid, authToken: 'tw1lio-t0ken', from: '+15005550006', apiRoot: server.root, ...more }
}

function gateway(more: Partial<GatewaySettings> = {}): GatewaySettings {
  const url = `http://${server.host}/send?to={to}&text={text}&from=AR`
  return { url, method: 'GET', ...more }
}

/** Remembers what it is told. */
const remembering: ChannelPause = {
  async pause(_, reason) {
    reasons.push(reason)
  },
  async outage(reason) {
    reasons.push(reason)
    return 4_000
  },
  async passed() {},
}

const broken: ChannelPause = {
  pause: () => Promise.reject(new Error('no database')),
  outage: () => Promise.reject(new Error('no database')),
  passed: () => Promise.reject(new Error('no database')),
}

function channelOf(driver = twilioDriver(twilio()), pause: ChannelPause = remembering) {
  return smsChannel({ driver, pause, log: pino({ base: null }, { write: (line: string) => log.push(line) }) })
}

describe('through Twilio', () => {
  it('goes to the messages of the account, by a basic login, as a form', async () => {
    await channelOf().deliver(smsNotice({ subject: 'Срок & цена', message: 'до <b>5&nbsp;марта</b> 👋' }), firmHold())
    const [request] = server.seen
    expect(request).toMatchObject({
      method: 'POST',
      path: '/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json',
      headers: {
        authorization: `Basic ${Buffer.from('AC0123456789abcdef0123456789abcdef:tw1lio-t0ken').toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
    })
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      To: '+79123456789',
      From: '+15005550006',
      Body: 'Срок & цена\nдо 5 марта 👋',
    })
  })

  it('goes through a Messaging Service where that is the sender', async () => {
    const driver = twilioDriver(twilio({ from: 'MG0123456789abcdef0123456789abcdef' }))
    await channelOf(driver).deliver(smsNotice(), firmHold())
    const form = Object.fromEntries(new URLSearchParams(server.seen[0]?.body))
    expect(form).toMatchObject({ MessagingServiceSid: 'MG0123456789abcdef0123456789abcdef' })
    expect(form).not.toHaveProperty('From')
  })

  it('goes below the path of the root, whatever region the environment names', async () => {
    process.env.TWILIO_REGION = 'au1'
    try {
      await channelOf(twilioDriver(twilio({ apiRoot: `${server.root}/twilio/` }))).deliver(smsNotice(), firmHold())
    } finally {
      delete process.env.TWILIO_REGION
    }
    expect(server.seen[0]?.path).toMatch(/^\/twilio\/2010-04-01\/Accounts\//)
  })

  it('says what was taken', async () => {
    expect(await channelOf().deliver(smsNotice(), firmHold())).toEqual({
      outcome: { kind: 'sent' },
      code: 201,
      reply: '201 SM1',
    })
  })

  it('says why it was refused', async () => {
    server.react = { status: 400, body: '{"code":21211,"message":"Invalid number","status":400}' }
    expect(await channelOf().deliver(smsNotice(), firmHold())).toEqual({
      outcome: {
        kind: 'hard_failure',
        errorClass: 'phone_invalid',
        reason: 'Twilio answered 400 (21211) Invalid number',
      },
      code: 400,
      providerCode: '21211',
      reply: '400 (21211) Invalid number',
    })
  })

  it.each(['', 'null', '5', '[]', '{}', '{"code":"x"}', '{"code":1e300}', '<html>'])(
    'reads a refusal with %j',
    async (body) => {
      server.react = { status: 400, body }
      const { outcome, providerCode } = await channelOf().deliver(smsNotice(), firmHold())
      expect({ outcome, providerCode }).toMatchObject({
        outcome: { kind: 'hard_failure', errorClass: 'message_refused' },
        providerCode: undefined,
      })
    },
  )

  it('reads a refusal in the form of RFC 9457', async () => {
    const problem = {
      type: 'https://www.twilio.com/docs/api/errors/21610',
      title: 'Opted out',
      status: 400,
      code: 21610,
    }
    server.react = { status: 400, body: JSON.stringify(problem) }
    const { outcome, providerCode } = await channelOf().deliver(smsNotice(), firmHold())
    expect({ outcome, providerCode }).toMatchObject({ outcome: { errorClass: 'unsubscribed' }, providerCode: '21610' })
  })

  it.each(['', 'null', '5', '{}', '{"sid":""}', '{"sid":5}', '{"sid":"SM'])(
    'is in doubt after 201 with %j',
    async (body) => {
      server.react = { status: 201, body }
      const { outcome } = await channelOf().deliver(smsNotice(), firmHold())
      expect(outcome).toMatchObject({ kind: 'ambiguous', errorClass: 'answer_lost' })
    },
  )
})

describe('through a gateway', () => {
  const encoded = '%2B79123456789'

  it('goes as the URL says, percent-encoded', async () => {
    const notice = smsNotice({ subject: '{to} & "5 %"', message: null })
    await channelOf(gatewayDriver(gateway())).deliver(notice, firmHold())
    const path = `/send?to=${encoded}&text=%7Bto%7D%20%26%20%225%20%25%22&from=AR`
    expect(server.seen[0]).toMatchObject({ method: 'GET', path, body: '' })
  })

  it('goes as a form by POST', async () => {
    await channelOf(gatewayDriver(gateway({ method: 'POST' }))).deliver(smsNotice({ message: null }), firmHold())
    const text = encodeURIComponent('Подписка заканчивается')
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      path: '/send',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `to=${encoded}&text=${text}&from=AR`,
    })
  })

  it('logs in with the user and password of the URL, and fills in its path', async () => {
    const url = `http://user:p%40ss@${server.host}/sms/{to}?m={text}`
    await channelOf(gatewayDriver(gateway({ url }))).deliver(smsNotice({ subject: 'a', message: null }), firmHold())
    expect(server.seen[0]).toMatchObject({
      path: `/sms/${encoded}?m=a`,
      headers: { authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` },
    })
  })
})

describe('which provider is taken', () => {
  it('is Twilio, or else a gateway, or none', () => {
    const elsewhere = { url: 'https://sms.example/?t={to}&m={text}', method: 'GET' } as const
    expect(configuredDriver({ twilio: twilio(), gateway: elsewhere })?.destination).toBe(server.host)
    expect(configuredDriver({ twilio: undefined, gateway: elsewhere })?.destination).toBe('sms.example')
    expect(configuredDriver({ twilio: undefined, gateway: undefined })).toBeUndefined()
  })
})

describe('one attempt', () => {
  it('is untouched where the hold is lost', async () => {
    expect(await channelOf().deliver(smsNotice(), { ...firmHold(), lost: () => true })).toEqual(untouched)
    expect(server.seen).toEqual([])
  })

  it('is untouched where the row is not to be handed over any more', async () => {
    expect(await channelOf().deliver(smsNotice(), { ...firmHold(), handOver: async () => false })).toEqual(untouched)
    expect(server.seen).toEqual([])
  })

  it('waits as long as the outage lasts', async () => {
    server.react = { status: 401, body: '{"code":20003,"message":"Authenticate"}' }
    const { outcome } = await channelOf().deliver(smsNotice(), firmHold())
    expect(outcome).toMatchObject({ kind: 'outage', errorClass: 'login_refused', retryAfterMs: 4_000 })
    expect(reasons).toEqual(['Twilio answered 401 (20003) Authenticate'])
  })

  it.each([
    [taken, 'sent', undefined],
    [{ status: 401 }, 'outage', 1_000],
    [{ status: 429, headers: { 'Retry-After': '9' } }, 'throttled', 9_000],
    [{ status: 400 }, 'hard_failure', undefined],
  ] as const)('keeps its outcome where the pause cannot be recorded: %j', async (reaction, kind, retryAfterMs) => {
    server.react = reaction
    const { outcome } = await channelOf(twilioDriver(twilio()), broken).deliver(smsNotice(), firmHold())
    expect(outcome).toMatchObject({ kind, ...(retryAfterMs !== undefined && { retryAfterMs }) })
    expect(log).toHaveLength(1)
  })

  it('is ended by closing: what was handed over is in doubt and does not count', async () => {
    server.react = 'silence'
    const channel = channelOf()
    const delivery = channel.deliver(smsNotice(), firmHold())
    await server.nextRequest()
    channel.close()
    expect(await delivery).toMatchObject({
      outcome: { kind: 'ambiguous', errorClass: 'answer_lost', retryAfterMs: 0 },
    })
  })

  it('is ended by closing: what was not handed over is untouched', async () => {
    const channel = channelOf()
    const handOver = async () => {
      channel.close()
      return true
    }
    expect(await channel.deliver(smsNotice(), { ...firmHold(), handOver })).toEqual(untouched)
    expect(await channel.deliver(smsNotice(), firmHold())).toEqual(untouched)
    expect(server.seen).toEqual([])
  })
})

describe('secrets', () => {
  /** The worst that a server can do: it repeats all that it was told. */
  function echo({ headers, path, body }: SeenRequest): string {
    const login = headers.authorization ?? ''
    const decoded = Buffer.from(login.replace('Basic ', ''), 'base64').toString()
    return [login, decoded, path, decodeURIComponent(path ?? ''), body].join(' ')
  }

  const reactions: readonly ((said: string) => Reaction)[] = [
    ...[200, 201, 302, 400, 401, 403, 429, 500].map((status) => (said: string) => ({ status, body: said })),
    ...[200, 400, 401, 429].map((status) => (message: string) => ({
      status,
      body: JSON.stringify({ sid: message, code: 20003, message }),
    })),
    () => 'reset',
    () => 'cut',
  ]

  it.each([
    ['Twilio', ['tw1lio-t0ken', Buffer.from('AC0123456789abcdef0123456789abcdef:tw1lio-t0ken').toString('base64')]],
    [
      'a gateway',
      [
        'us3r',
        'p@ssw/rd',
        'p%40ssw%2Frd',
        'path-k3y-0123',
        'qu3ry-key',
        Buffer.from('us3r:p@ssw/rd').toString('base64'),
      ],
    ],
  ] as const)('of %s are in nothing that comes out, whatever the server says', async (provider, secrets) => {
    const url = `http://us3r:p%40ssw%2Frd@${server.host}/path-k3y-0123/send?key=qu3ry-key&to={to}&text={text}`
    const driver = provider === 'Twilio' ? twilioDriver(twilio()) : gatewayDriver({ url, method: 'GET' })
    const seen: unknown[] = [driver, driver.destination]
    for (const reaction of reactions) {
      server.react = (request) => reaction(echo(request))
      for (const pause of [remembering, broken]) {
        const channel = channelOf(driver, pause)
        seen.push(await channel.deliver(smsNotice(), firmHold()), channel)
      }
    }
    expect(JSON.stringify(server.seen)).toContain(secrets.at(-1))
    const shown = inspect([seen, log, reasons], { depth: 20, maxStringLength: null, showHidden: true })
    expect(shown).toContain('***')
    for (const secret of secrets) expect(shown).not.toContain(secret)
  })
})
