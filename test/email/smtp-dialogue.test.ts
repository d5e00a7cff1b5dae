import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { SmtpLane } from '../../src/email/smtp-lane.ts'
import { type RawSmtpServer, type RawStep, startRawSmtpServer } from '../support/raw-smtp-server.ts'

const envelope = { from: 'us@vertex.example', to: ['a@x.example'] }
const message = Buffer.from('Subject: hello\r\n\r\nhello\r\n')

const started: { server: RawSmtpServer; lane: SmtpLane }[] = []
afterEach(async () => {
  for (const { server, lane } of started.splice(0)) {
    lane.close()
    await server.stop()
  }
})

type Steps = Readonly<Record<string, RawStep | RawStep[]>>

async function start(pipelining: boolean, steps: Steps = {}, socketTimeout = 400) {
  const server = await startRawSmtpServer({ EHLO: pipelining ? '250-test\r\n250 PIPELINING' : '250 test', ...steps })
  const lane = new SmtpLane({ host: '127.0.0.1', port: server.port, socketTimeout })
  started.push({ server, lane })
  let asked = 0
  const offer = async (body = message) => {
    const handOver = async () => {
      asked += 1
      return true
    }
    return lane.exchange(envelope, body, handOver)
  }
  return { server, lane, offer, asked: () => asked }
}

const usual = { 'MAIL FROM': '250 ok', 'RCPT TO': '250 ok', DATA: '354 go on', '.': '250 taken', RSET: '250 ok' }
type Step = keyof typeof usual

const forever = new Promise<never>(() => {})

/** What can happen instead of the usual answer to a step. */
const happenings = {
  'a 451': () => '451 4.3.0 later',
  'a 554': () => '554 5.7.1 no',
  'a 421': () => '421 4.3.2 closing',
  'a closed connection': () => (socket: Socket) => void socket.destroy(),
  'a half-closed connection': () => (socket: Socket) => void socket.end(),
  'a reset': () => (socket: Socket) => void socket.resetAndDestroy(),
  silence: () => () => forever,
  'an answer byte by byte': (step) => (socket: Socket) => bytewise(socket, `${usual[step]}\r\n`),
  'two answers at once': (step) => (socket: Socket) => void socket.write(`${usual[step]}\r\n${usual[step]}\r\n`),
  'an answer that is none': () => 'hello',
  'an answer without end': () => (socket: Socket) => socket.write(`250-${'x'.repeat(70_000)}`) && forever,
} satisfies Record<string, (step: Step) => RawStep>
type Happening = keyof typeof happenings

async function bytewise(socket: Socket, text: string): Promise<void> {
  for (const byte of text) await new Promise<void>((resolve) => socket.write(byte, () => setImmediate(resolve)))
}

function stagesOf(stage: string, orBefore: boolean): string[] {
  const all = ['mail', 'recipients', 'data']
  return orBefore && all.includes(stage) ? all.slice(0, all.indexOf(stage) + 1) : [stage]
}

interface Expected {
  readonly stage: string
  /** The answer at that stage. */
  readonly code?: number
  readonly fault?: string
  /** The lane can be used for the next message as it is. */
  readonly open?: true
}

const lost = ['ECONNECTION', 'ESOCKET']
const table: Readonly<Record<Exclude<Step, 'RSET'>, Readonly<Record<Happening, Expected>>>> = {
  'MAIL FROM': {
    'a 451': { stage: 'mail', code: 451, open: true },
    'a 554': { stage: 'mail', code: 554, open: true },
    'a 421': { stage: 'mail', code: 421 },
    'a closed connection': { stage: 'mail', fault: 'lost' },
    'a half-closed connection': { stage: 'mail', fault: 'lost' },
    'a reset': { stage: 'mail', fault: 'lost' },
    silence: { stage: 'mail', fault: 'ETIMEDOUT' },
    'an answer byte by byte': { stage: 'handed_over', code: 250, open: true },
    'two answers at once': { stage: 'data', fault: 'EPROTOCOL' },
    'an answer that is none': { stage: 'mail', fault: 'EPROTOCOL' },
    'an answer without end': { stage: 'mail', fault: 'EPROTOCOL' },
  },
  'RCPT TO': {
    'a 451': { stage: 'recipients', code: 451, open: true },
    'a 554': { stage: 'recipients', code: 554, open: true },
    'a 421': { stage: 'recipients', code: 421 },
    'a closed connection': { stage: 'recipients', fault: 'lost' },
    'a half-closed connection': { stage: 'recipients', fault: 'lost' },
    'a reset': { stage: 'recipients', fault: 'lost' },
    silence: { stage: 'recipients', fault: 'ETIMEDOUT' },
    'an answer byte by byte': { stage: 'handed_over', code: 250, open: true },
    'two answers at once': { stage: 'data', fault: 'EPROTOCOL' },
    'an answer that is none': { stage: 'recipients', fault: 'EPROTOCOL' },
    'an answer without end': { stage: 'recipients', fault: 'EPROTOCOL' },
  },
  DATA: {
    'a 451': { stage: 'data', code: 451, open: true },
    'a 554': { stage: 'data', code: 554, open: true },
    'a 421': { stage: 'data', code: 421 },
    'a closed connection': { stage: 'data', fault: 'lost' },
    'a half-closed connection': { stage: 'data', fault: 'lost' },
    'a reset': { stage: 'data', fault: 'lost' },
    silence: { stage: 'data', fault: 'ETIMEDOUT' },
    'an answer byte by byte': { stage: 'handed_over', code: 250, open: true },
    'two answers at once': { stage: 'body', fault: 'EPROTOCOL' },
    'an answer that is none': { stage: 'data', fault: 'EPROTOCOL' },
    'an answer without end': { stage: 'data', fault: 'EPROTOCOL' },
  },
  '.': {
    'a 451': { stage: 'handed_over', code: 451, open: true },
    'a 554': { stage: 'handed_over', code: 554, open: true },
    'a 421': { stage: 'handed_over', code: 421 },
    'a closed connection': { stage: 'handed_over', fault: 'lost' },
    'a half-closed connection': { stage: 'handed_over', fault: 'lost' },
    'a reset': { stage: 'handed_over', fault: 'lost' },
    silence: { stage: 'handed_over', fault: 'ETIMEDOUT' },
    'an answer byte by byte': { stage: 'handed_over', code: 250, open: true },
    'two answers at once': { stage: 'handed_over', code: 250 },
    'an answer that is none': { stage: 'handed_over', fault: 'EPROTOCOL' },
    'an answer without end': { stage: 'handed_over', fault: 'EPROTOCOL' },
  },
}

const cases = Object.entries(table).flatMap(([step, row]) =>
  Object.entries(row).flatMap(([happening, expected]) =>
    [true, false].map((pipelining) => ({ step, happening, pipelining, expected })),
  ),
) as { step: Exclude<Step, 'RSET'>; happening: Happening; pipelining: boolean; expected: Expected }[]

describe('speaking to a server', () => {
  it.each(cases)('$happening in place of the answer to $step, pipelining: $pipelining', async (given) => {
    const { step, happening, pipelining, expected } = given
    const { server, lane, offer, asked } = await start(pipelining, { [step]: [happenings[happening](step)] })
    const exchange = await offer()
    const { stage, mail, recipients, message: answer, fault } = exchange
    const said = { mail, recipients: recipients[0]?.reply, data: answer, body: answer, handed_over: answer }[
      stage as 'mail'
    ]
    // A reset may take with it what the server had answered before.
    const stages = stagesOf(expected.stage, pipelining && happening === 'a reset')
    expect({ stage, code: said?.code }).toEqual({ stage: expect.toBeOneOf(stages), code: expected.code })
    expect(fault?.code).toEqual(expected.fault === 'lost' ? expect.toBeOneOf(lost) : expected.fault)
    expect(asked()).toBe(stage === 'body' || stage === 'handed_over' ? 1 : 0)
    expect(server.messages).toHaveLength(stage === 'handed_over' ? 1 : 0)
    expect(lane.open).toBe(expected.open ?? false)

    expect((await offer()).message?.code).toBe(250)
    expect(server.connections).toBe(expected.open ? 1 : 2)
  })

  it.each([true, false])('drops a server that gives two answers to RSET, pipelining: %s', async (pipelining) => {
    const { server, offer } = await start(pipelining, {
      DATA: ['451 4.3.0 later'],
      RSET: [happenings['two answers at once']('RSET')],
    })
    await offer()
    expect(await offer()).toMatchObject({ stage: 'data', fault: { code: 'EPROTOCOL' } })
    expect(server.messages).toEqual([])
  })

  const resets = Object.keys(happenings).filter((name) => name !== 'two answers at once') as Happening[]
  it.each(resets.flatMap((happening) => [true, false].map((pipelining) => ({ happening, pipelining }))))(
    'the next message gets through after $happening in place of the answer to RSET, pipelining: $pipelining',
    async ({ happening, pipelining }) => {
      const { server, offer, asked } = await start(pipelining, {
        DATA: ['451 4.3.0 later'],
        RSET: [happenings[happening]('RSET')],
      })
      expect((await offer()).stage).toBe('data')
      expect((await offer()).message?.code).toBe(250)
      expect(asked()).toBe(1)
      expect(server.connections).toBe(happening === 'an answer byte by byte' ? 1 : 2)
    },
  )

  it('does not take a 250 to DATA for leave to go on, since it may be the answer to something else', async () => {
    const { server, lane, offer, asked } = await start(true, { DATA: ['250 ok'] })
    expect(await offer()).toMatchObject({ stage: 'data', message: undefined, fault: { code: 'EPROTOCOL' } })
    expect({ asked: asked(), open: lane.open, messages: server.messages }).toEqual({
      asked: 0,
      open: false,
      messages: [],
    })
  })

  it.each([
    ['the sender', { 'MAIL FROM': ['550 5.7.1 not you'], DATA: ['354 go on'] }, 'mail'],
    ['everybody', { 'RCPT TO': ['550 5.1.1 nobody'], DATA: ['354 go on'] }, 'recipients'],
  ])('hands nothing over to a server that refused %s and says go on', async (_who, steps, stage) => {
    const { server, lane, offer, asked } = await start(true, steps)
    expect(await offer()).toMatchObject({ stage, fault: undefined })
    expect({ asked: asked(), open: lane.open }).toEqual({ asked: 0, open: false })
    await expect.poll(() => server.open).toBe(0)
    expect(server.messages).toEqual([])
  })
})

describe('the moment of handing over', () => {
  /** The server's socket is in hand while the lane asks. */
  async function startAsking(during: (socket: Socket) => void | Promise<void>, body = message) {
    const asked = Promise.withResolvers<Socket>()
    const answer = Promise.withResolvers<boolean>()
    const { server, lane } = await start(true, {
      DATA: [(socket) => void socket.write('354 go on\r\n', () => asked.resolve(socket))],
    })
    const exchange = lane.exchange(envelope, body, async () => {
      await during(await asked.promise)
      return answer.promise
    })
    return { server, exchange, grant: () => answer.resolve(true) }
  }

  it.each([
    ['closes the connection', (socket: Socket) => void socket.end(), { fault: { code: 'ECONNECTION' } }],
    ['closes with a 421', (socket: Socket) => void socket.end('421 4.3.2 bye\r\n'), { message: { code: 421 } }],
    ['refuses the message', (socket: Socket) => void socket.write('552 5.3.4 no\r\n'), { message: { code: 552 } }],
    ['accepts the message', (socket: Socket) => void socket.write('250 ok\r\n'), { fault: { code: 'EPROTOCOL' } }],
  ])('a server that %s while handOver is asked gets nothing', async (_what, during, expected) => {
    const { server, exchange, grant } = await startAsking(during)
    expect(await exchange).toMatchObject({ stage: 'body', ...expected })
    grant()
    await expect.poll(() => server.open).toBe(0)
    expect(server.messages).toEqual([])
  })

  it('nothing is handed over where the kernel refuses it', async () => {
    const { server, exchange, grant } = await startAsking((socket) => {
      socket.resetAndDestroy()
      grant()
    })
    expect(await exchange).toMatchObject({ stage: 'body', fault: { code: 'ESOCKET' } })
    expect(server.messages).toEqual([])
  })

  it('the end of a large message does not leave before the rest has', async () => {
    const { exchange, grant } = await startAsking(
      (socket) => {
        socket.once('data', () => socket.resetAndDestroy())
        grant()
      },
      Buffer.alloc(20_000_000, 'x'),
    )
    expect((await exchange).stage).toBe('body')
  })

  it('a server may refuse a large message half way', async () => {
    const { lane } = await start(true, {
      DATA: [
        (socket) =>
          socket.write('354 go on\r\n', () => socket.once('data', () => socket.pause().write('552 5.3.4 big\r\n'))),
      ],
    })
    const exchange = await lane.exchange(envelope, Buffer.alloc(20_000_000, 'x'), async () => true)
    expect(exchange).toMatchObject({ stage: 'body', message: { code: 552 }, fault: undefined })
    expect(lane.open).toBe(false)
  })

  it('a large message arrives as it was', async () => {
    const { server, offer } = await start(true, {}, 60_000)
    const line = '.a line that starts with a dot\r\n'
    expect((await offer(Buffer.from(line.repeat(5_000)))).message?.code).toBe(250)
    expect(server.messages).toEqual([`.${line}`.repeat(5_000).slice(0, -2)])
  })
})
