import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { judge } from '../../src/email/policy.ts'
import { SmtpLane } from '../../src/email/smtp-lane.ts'
import { type RawSmtpServer, type RawStep, startRawSmtpServer } from '../support/raw-smtp-server.ts'

const envelope = { from: 'us@vertex.example', to: ['a@x.example'] }
const message = Buffer.from('Subject: hello\r\n\r\n.dot at the start\r\nend\r\n')
const reset = (socket: Socket) => void socket.resetAndDestroy()
const hangUp = (socket: Socket) => void socket.end()
const silence = () => {}
const granted = async () => true

const started: { server: RawSmtpServer; lane: SmtpLane }[] = []
afterEach(async () => {
  for (const { server, lane } of started.splice(0)) {
    lane.close()
    await server.stop()
  }
})

async function start(steps: Readonly<Record<string, RawStep | RawStep[]>> = {}, socketTimeout = 400) {
  const server = await startRawSmtpServer(steps)
  const lane = new SmtpLane({
    host: '127.0.0.1',
    port: server.port,
    socketTimeout,
    greetingTimeout: 400,
    connectionTimeout: 400,
  })
  started.push({ server, lane })
  return { server, lane }
}

describe('an SMTP lane', () => {
  it('offers messages one after the other over one connection', async () => {
    const { server, lane } = await start()
    for (const _ of [1, 2, 3]) {
      const exchange = await lane.exchange(envelope, message, granted)
      expect(exchange.stage).toBe('handed_over')
      expect(exchange.message?.code).toBe(250)
    }
    expect(server.connections).toBe(1)
    expect(server.messages[0]).toBe('Subject: hello\r\n\r\n..dot at the start\r\nend')
  })

  it.each([{ pipelining: false }, { pipelining: true }])(
    'reports the answer to each recipient, pipelining: $pipelining',
    async ({ pipelining }) => {
      const { lane } = await start({
        EHLO: pipelining ? '250-test\r\n250 PIPELINING' : '250 test',
        'RCPT TO': ['250 2.1.5 ok', '450 4.2.0 busy', '550 5.1.1 nobody'],
      })
      const exchange = await lane.exchange(
        { ...envelope, to: ['a@x.example', 'b@x.example', 'c@x.example'] },
        message,
        granted,
      )
      expect(exchange.recipients.map(({ reply }) => reply?.code)).toEqual([250, 450, 550])
      expect(exchange.message?.code).toBe(250)
    },
  )

  it.each([
    ['reset before the greeting', { greeting: reset }, 'connect', 'outage'],
    ['a greeting that never comes', { greeting: silence }, 'connect', 'outage'],
    ['a 421 greeting', { greeting: '421 4.3.2 too busy' }, 'connect', 'outage'],
    ['a 554 greeting', { greeting: '554 5.7.1 go away' }, 'connect', 'outage'],
    ['a refused sender', { 'MAIL FROM': '550 5.7.1 not you' }, 'mail', 'outage'],
    ['silence after MAIL FROM', { 'MAIL FROM': silence }, 'mail', 'outage'],
    ['reset after MAIL FROM', { 'MAIL FROM': reset }, 'mail', 'outage'],
    ['421 at RCPT TO', { 'RCPT TO': '421 4.3.2 shutting down' }, 'recipients', 'soft_failure'],
    ['reset at RCPT TO', { 'RCPT TO': reset }, 'recipients', 'soft_failure'],
    ['451 to DATA', { DATA: '451 4.3.0 later' }, 'data', 'soft_failure'],
    ['554 to DATA', { DATA: '554 5.6.0 no' }, 'data', 'hard_failure'],
    ['reset at DATA', { DATA: reset }, 'data', 'soft_failure'],
    ['451 to the message', { '.': '451 4.3.0 later' }, 'handed_over', 'soft_failure'],
    ['554 to the message', { '.': '554 5.6.0 no' }, 'handed_over', 'hard_failure'],
    ['reset after the message', { '.': reset }, 'handed_over', 'ambiguous'],
    ['a connection closed after the message', { '.': hangUp }, 'handed_over', 'ambiguous'],
    ['silence after the message', { '.': silence }, 'handed_over', 'ambiguous'],
  ] as const)('%s is understood', async (_name, steps, stage, kind) => {
    const { lane } = await start(steps)
    const exchange = await lane.exchange(envelope, message, granted)
    expect(exchange.stage).toBe(stage)
    expect(judge(exchange, {}).outcome.kind).toBe(kind)
  })

  it('is not ambiguous while most of a large message still waits to be sent', async () => {
    const { lane } = await start({ DATA: (socket) => socket.write('354 go on\r\n', () => socket.resetAndDestroy()) })
    const exchange = await lane.exchange(envelope, Buffer.alloc(20_000_000, 'x'), granted)
    expect(exchange.stage).toBe('body')
    expect(judge(exchange, {}).outcome.kind).toBe('soft_failure')
  })

  it.each([
    ['closed', (socket: Socket) => socket.write('250 2.0.0 taken\r\n', () => socket.end())],
    [
      'reset',
      (socket: Socket) => socket.write('250 2.0.0 taken\r\n', () => setImmediate(() => socket.resetAndDestroy())),
    ],
    [
      'ended with a 421',
      (socket: Socket) => socket.write('250 2.0.0 taken\r\n', () => socket.end('421 4.4.2 idle too long\r\n')),
    ],
  ])('replaces a connection that the server has %s meanwhile', async (_name, afterFirst) => {
    const { server, lane } = await start({ '.': [afterFirst] })
    expect((await lane.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect((await lane.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect(server.connections).toBe(2)
  })

  it('replaces a connection that breaks at the first command after a pause', async () => {
    const { server, lane } = await start({ 'MAIL FROM': ['250 ok', reset] })
    expect((await lane.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect((await lane.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect(server.connections).toBe(2)
  })

  it('does not offer a message above the SIZE that the server announces', async () => {
    const { server, lane } = await start({ EHLO: '250-test\r\n250 SIZE 1000' })
    const exchange = await lane.exchange(envelope, Buffer.alloc(2_000, 'x'), granted)
    expect(exchange.mail).toMatchObject({ code: 552, enhanced: '5.3.4' })
    expect(server.messages).toEqual([])
  })

  it('ends what is under way when it is closed', async () => {
    const { lane } = await start({ 'RCPT TO': silence }, 60_000)
    const exchange = lane.exchange(envelope, message, granted)
    setImmediate(() => lane.close())
    expect((await exchange).fault?.code).toBe('ESTOPPED')
    expect(lane.open).toBe(false)
  })

  it.each([
    ['refuses', async () => false],
    ['rejects', () => Promise.reject(new Error('the database is away'))],
  ])('hands nothing over when handOver %s', async (_name, handOver) => {
    const { server, lane } = await start()
    const exchange = await lane.exchange(envelope, message, handOver)
    expect(exchange).toMatchObject({ stage: 'body', message: undefined, fault: { code: 'EWITHDRAWN' } })
    expect(lane.open).toBe(false)
    expect((await lane.exchange(envelope, message, granted)).message?.code).toBe(250)
    expect(server.messages).toHaveLength(1)
  })

  it('asks handOver only once the server has said go on', async () => {
    let asked = 0
    const handOver = async () => {
      asked += 1
      return true
    }
    const { lane } = await start({ DATA: ['451 4.3.0 later'] })
    expect((await lane.exchange(envelope, message, handOver)).stage).toBe('data')
    expect(asked).toBe(0)
    expect((await lane.exchange(envelope, message, handOver)).stage).toBe('handed_over')
    expect(asked).toBe(1)
  })

  it('hands nothing over when it was closed while handOver was asked', async () => {
    const { server, lane } = await start()
    const question = Promise.withResolvers<boolean>()
    const asked = Promise.withResolvers<void>()
    const exchange = lane.exchange(envelope, message, () => {
      asked.resolve()
      return question.promise
    })
    await asked.promise
    lane.close()
    expect(await exchange).toMatchObject({ stage: 'body', fault: { code: 'ESTOPPED' } })
    question.resolve(true)
    await expect.poll(() => server.open).toBe(0)
    expect(server.messages).toEqual([])
  })

  it('throws on what only a bug can cause', async () => {
    const { lane } = await start()
    await expect(
      lane.exchange({ ...envelope, to: ['a@x.example>\r\nRCPT TO:<b@x.example'] }, message, granted),
    ).rejects.toThrow('Invalid recipient')
  })
})
