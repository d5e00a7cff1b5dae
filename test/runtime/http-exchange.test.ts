import { once } from 'node:events'
import { Agent } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exchangeHttp, type HttpExchange, type HttpLimits, type HttpTerms } from '../../src/runtime/http-exchange.ts'

let server: Server
let sockets: Socket[]
let received: string
let url: URL

beforeEach(async () => {
  sockets = []
  received = ''
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk
    })
    server.emit('accepted', socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/send`)
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  server.close()
  await once(server, 'close')
})

const limits: HttpLimits = { connectMs: 20_000, answerMs: 20_000 }
const yes = async () => true

function post(terms: Partial<HttpTerms> = {}, to = url, agent?: Agent): Promise<HttpExchange> {
  const signal = new AbortController().signal
  const request = { method: 'POST', url: to, headers: {}, body: 'to=1', ...(agent && { agent }) } as const
  return exchangeHttp(request, { handOver: yes, signal, limits, ...terms })
}

async function nextSocket(): Promise<Socket> {
  return (await once(server, 'accepted'))[0]
}

/** Answers once the whole request is there. */
async function answerWith(...parts: string[]): Promise<void> {
  const socket = await nextSocket()
  while (!received.includes('to=1')) await once(socket, 'data')
  for (const part of parts) socket.write(part)
}

describe('one request', () => {
  it('gives the status, the headers and the body of the answer', async () => {
    const exchange = post()
    await answerWith('HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 6\r\n\r\n', 'мяу')
    expect(await exchange).toEqual({
      kind: 'answered',
      status: 429,
      headers: { 'retry-after': '7', 'content-length': '6' },
      body: 'мяу',
    })
    expect(received).toMatch(/^POST \/send HTTP\/1\.1\r\n[\s\S]*Content-Length: 4\r\n\r\nto=1$/)
  })

  it('asks for the hand-over once the connection stands, before the first byte', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<boolean>()
    const handOver = () => {
      asked.resolve()
      return answer.promise
    }
    const exchange = post({ handOver })
    const [socket] = await Promise.all([nextSocket(), asked.promise])
    expect(received).toBe('')
    answer.resolve(true)
    await once(socket, 'data')
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(await exchange).toMatchObject({ kind: 'answered', status: 200 })
  })

  it('writes nothing without a yes', async () => {
    const ended = nextSocket().then((socket) => once(socket, 'close'))
    expect(await post({ handOver: async () => false })).toEqual({ kind: 'untouched' })
    await ended
    expect(received).toBe('')
  })

  it('has not been written when the connection breaks while the hand-over is made durable', async () => {
    const answer = Promise.withResolvers<boolean>()
    const exchange = post({ handOver: () => answer.promise })
    const socket = await nextSocket()
    socket.resetAndDestroy()
    await once(socket, 'close')
    // The reset is seen here before a later connection stands.
    const probe = post({ handOver: async () => false })
    await probe
    answer.resolve(true)
    expect(await exchange).toMatchObject({ kind: 'unreachable' })
    expect(received).toBe('')
  })

  it('takes an answer that comes before the request', async () => {
    const answer = Promise.withResolvers<boolean>()
    const exchange = post({ handOver: () => answer.promise })
    const socket = await nextSocket()
    socket.write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n', () => answer.resolve(true))
    expect(await exchange).toMatchObject({ kind: 'answered', status: 408 })
  })

  it('goes over another connection where a kept one is closed with an answer to nothing', async () => {
    const agent = new Agent({ keepAlive: true })
    const first = post({}, url, agent)
    await answerWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(await first).toMatchObject({ kind: 'answered', status: 200 })
    received = ''
    const handOver = vi.fn(yes).mockImplementationOnce(() => {
      sockets[0]?.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n')
      return new Promise(() => {})
    })
    const second = post({ handOver }, url, agent)
    await answerWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    expect(await second).toMatchObject({ kind: 'answered', status: 200 })
    expect(handOver).toHaveBeenCalledTimes(2)
    expect(sockets).toHaveLength(2)
  })

  it('follows no redirect', async () => {
    const exchange = post()
    await answerWith(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nContent-Length: 0\r\n\r\n`)
    expect(await exchange).toMatchObject({ kind: 'answered', status: 302 })
    expect(sockets).toHaveLength(1)
  })

  it('keeps the beginning of an endless body', async () => {
    const exchange = post()
    await answerWith('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n', 'x'.repeat(1_000_000))
    const answered = await exchange
    if (answered.kind !== 'answered') expect.fail(answered.kind)
    expect(answered.fault).toBeUndefined()
    expect(answered.body.length).toBeLessThan(200_000)
    expect(answered.body).toMatch(/^x+$/)
  })

  it.each([
    ['no HTTP', 'Hello\r\n\r\n'],
    ['nothing but the end of the connection', ''],
  ])('is lost where the answer is %s', async (_, said) => {
    const exchange = post()
    await answerWith(said)
    sockets[0]?.end()
    expect(await exchange).toMatchObject({ kind: 'lost' })
  })

  it('is answered in part where the body breaks off', async () => {
    const exchange = post()
    await answerWith('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', 'half')
    sockets[0]?.end()
    expect(await exchange).toMatchObject({ kind: 'answered', status: 200, body: 'half', fault: { code: 'ECONNRESET' } })
  })
})

describe('a request out of time', () => {
  it('was not written where the connection never came about', async () => {
    // A server that takes the connection and never says a word of TLS.
    const secure = new URL(url.href.replace('http:', 'https:'))
    const exchange = await post({ limits: { connectMs: 100, answerMs: 20_000 } }, secure)
    expect(exchange).toEqual({
      kind: 'unreachable',
      fault: { code: 'ETIMEDOUT', message: 'It took too long to connect' },
    })
  })

  it('is lost where the answer never comes', async () => {
    expect(await post({ limits: { connectMs: 20_000, answerMs: 100 } })).toEqual({
      kind: 'lost',
      fault: { code: 'ETIMEDOUT', message: 'It took too long to answer' },
    })
  })

  it('is answered in part where the body never ends', async () => {
    const exchange = post({ limits: { connectMs: 20_000, answerMs: 300 } })
    await answerWith('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    expect(await exchange).toMatchObject({ kind: 'answered', body: 'half', fault: { code: 'ETIMEDOUT' } })
  })
})

describe('a server that speaks no TLS', () => {
  it('is out of reach', async () => {
    const exchange = post({}, new URL(url.href.replace('http:', 'https:')))
    const socket = await nextSocket()
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    expect(await exchange).toMatchObject({
      kind: 'unreachable',
      fault: { message: expect.stringMatching(/^ERR_SSL_\w+$/) },
    })
  })
})

describe('a stop', () => {
  it('before the request begins leaves the server alone', async () => {
    expect(await post({ signal: AbortSignal.abort() })).toEqual({ kind: 'untouched' })
    expect(sockets).toEqual([])
  })

  it('while the hand-over is made durable writes nothing', async () => {
    const stop = new AbortController()
    const handOver = async () => {
      stop.abort()
      return true
    }
    const ended = nextSocket().then((socket) => once(socket, 'close'))
    expect(await post({ handOver, signal: stop.signal })).toEqual({ kind: 'untouched' })
    await ended
    expect(received).toBe('')
  })

  it('while connecting writes nothing', async () => {
    const stop = new AbortController()
    const exchange = post({ signal: stop.signal }, new URL(url.href.replace('http:', 'https:')))
    await nextSocket()
    stop.abort()
    expect(await exchange).toEqual({ kind: 'untouched' })
  })

  it('while waiting for the answer loses it', async () => {
    const stop = new AbortController()
    const exchange = post({ signal: stop.signal })
    await once(await nextSocket(), 'data')
    stop.abort()
    expect(await exchange).toMatchObject({ kind: 'lost', fault: { code: 'ESTOPPED' } })
  })
})
