import { connect } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startMetricsServer, type Told } from '../../src/metrics/metrics-server.ts'
import { freePort } from '../support/metrics-page.ts'

const told: Told = {
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' }),
  notReady: () => [],
}

async function start(given: Partial<Told> = {}): Promise<string> {
  const port = await freePort()
  const listening = Promise.withResolvers<void>()
  const write = (line: string) => {
    if (line.includes('metrics are served')) listening.resolve()
  }
  const server = startMetricsServer({
    host: '127.0.0.1',
    port,
    told: { ...told, ...given },
    log: pino({ level: 'info' }, { write }),
  })
  onTestFinished(() => server.stop())
  await listening.promise
  return `http://127.0.0.1:${port}`
}

describe('the server of metrics', () => {
  it.each([
    { method: 'GET', path: '/metrics', status: 200, body: 'a 1\n' },
    { method: 'HEAD', path: '/metrics', status: 200, body: '' },
    { method: 'GET', path: '/metrics?name=x', status: 200, body: 'a 1\n' },
    { method: 'GET', path: '/healthz', status: 200, body: 'ok\n' },
    { method: 'GET', path: '/readyz', status: 200, body: '{"ready":true,"reasons":[]}\n' },
    { method: 'POST', path: '/metrics', status: 405, body: 'GET or HEAD\n' },
    { method: 'DELETE', path: '/readyz', status: 405, body: 'GET or HEAD\n' },
    { method: 'GET', path: '/', status: 404, body: expect.stringMatching(/^not found/) },
    { method: 'GET', path: '/metrics/', status: 404, body: expect.stringMatching(/^not found/) },
    { method: 'GET', path: '//', status: 404, body: expect.stringMatching(/^not found/) },
  ])('answers $method $path with $status', async ({ method, path, status, body }) => {
    const response = await fetch(`${await start()}${path}`, { method })
    expect([response.status, await response.text()]).toEqual([status, body])
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null)
  })

  it('says why the process is not ready', async () => {
    const response = await fetch(`${await start({ notReady: () => ['stopping'] })}/readyz`)
    expect([response.status, await response.json()]).toEqual([503, { ready: false, reasons: ['stopping'] }])
  })

  it('answers 500 where the metrics cannot be had, and tells nobody why', async () => {
    const url = await start({ metrics: () => Promise.reject(new Error('secret')) })
    const response = await fetch(`${url}/metrics`)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
  })

  it('lets nobody hold more connections than it can spare, nor for long', async () => {
    const url = new URL(await start())
    let ended = 0
    const sockets = Array.from({ length: 60 }, () => connect(Number(url.port), url.hostname))
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
    for (const socket of sockets) {
      socket.on('error', () => {})
      socket.on('close', () => {
        ended += 1
      })
      socket.resume().write('GET /metrics HTTP/1.1\r\nX: ')
    }
    await expect.poll(() => ended).toBeGreaterThanOrEqual(10)
    await expect.poll(() => ended).toBe(60)
    expect((await fetch(`${url.origin}/healthz`)).status).toBe(200)
  })

  it('takes a port that cannot be for a warning', async () => {
    const warned = Promise.withResolvers<string>()
    const log = pino({ level: 'warn' }, { write: (line: string) => warned.resolve(line) })
    const server = startMetricsServer({ host: '127.0.0.1', port: 65_536, told, log })
    expect(await warned.promise).toContain('no metrics')
    await server.stop()
  })
})
