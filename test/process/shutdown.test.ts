import { describe, expect, it, onTestFinished } from 'vitest'
import type { SpawnedWorker } from '../support/processes.ts'
import { startRawSmtpServer } from '../support/raw-smtp-server.ts'
import { attemptsOf, countByStatus, duplicates, insertMails, waitForMails } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const rows = 3_000

async function startRawServer(steps: Parameters<typeof startRawSmtpServer>[0]) {
  const server = await startRawSmtpServer(steps)
  onTestFinished(() => server.stop())
  return server
}

function stall(): void {}

function startWorker(smtpUrl: string, env: Record<string, string> = {}): SpawnedWorker {
  return scene.startWorker(smtpUrl, { env: { SHUTDOWN_SECONDS: '10', ...env } })
}

describe('a worker that is told to stop', () => {
  const ways: [string, (worker: SpawnedWorker) => void][] = [
    ['SIGINT', (worker) => worker.signal('SIGINT')],
    ['SIGTERM', (worker) => worker.signal('SIGTERM')],
    ['the end of its IPC channel', (worker) => worker.disconnect()],
  ]

  it.each(ways)('finishes what is in hand and leaves the rest, on %s under load', async (_, tell) => {
    const server = await scene.startServer()
    await insertMails(scene.database.db, rows)
    const worker = startWorker(server.url)
    await waitForMails(server, 100)
    tell(worker)
    expect(await worker.exit).toEqual({ code: 0, signal: null })

    const { sent = 0, pending = 0, ...others } = await countByStatus(scene.database.db)
    expect(others).toEqual({})
    expect(sent).toBe(server.mails.length)
    expect(duplicates(server)).toBe(0)
    expect(pending).toBe(rows - sent)
    expect(pending).toBeGreaterThan(0)
    expect(await attemptsOf(scene.database.db, 'pending')).toEqual([0])
    expect(await attemptsOf(scene.database.db, 'sent')).toEqual([1])
    expect(worker.logs.at(-1)?.msg).toBe('stopped')
    expect(worker.logs.filter(({ level }) => level !== 'info')).toEqual([])
  })

  it('ends at once at a second signal', async () => {
    const server = await scene.startServer({ message: () => new Promise(() => {}) })
    await insertMails(scene.database.db, 1)
    const worker = startWorker(server.url)
    await waitForClaim()
    worker.signal('SIGTERM')
    await worker.logged('stopping')
    expect(await worker.stop('SIGINT')).toEqual({ code: 130, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ sending: 1 })
  })

  it('does not wait longer than SHUTDOWN_SECONDS for a server that stalls, and gives the attempt back', async () => {
    const server = await scene.startServer({ recipient: () => new Promise(() => {}) })
    await insertMails(scene.database.db, 20)
    const worker = startWorker(server.url, { SHUTDOWN_SECONDS: '1' })
    await waitForClaim()
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ pending: 20 })
    expect(await attemptsOf(scene.database.db, 'pending')).toEqual([0])
    expect(worker.logs.map(({ msg }) => msg)).toContain('deadline reached; giving back what is in hand')
  })

  it('gives the attempt back when the server stalls on a connection that was used before', async () => {
    const server = await startRawServer({ 'MAIL FROM': ['250 ok', stall, stall] })
    await insertMails(scene.database.db, 2)
    const worker = startWorker(`smtp://127.0.0.1:${server.port}`, { SHUTDOWN_SECONDS: '1', EMAIL_CONCURRENCY: '1' })
    await expect.poll(() => countByStatus(scene.database.db)).toEqual({ sent: 1, sending: 1 })
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ sent: 1, pending: 1 })
    expect(server.connections).toBe(1)
  })

  it('ends while it waits for a mail server to greet', async () => {
    const server = await startRawServer({ greeting: [(socket) => socket.destroy(), stall, stall] })
    await insertMails(scene.database.db, 1)
    const worker = startWorker(`smtp://127.0.0.1:${server.port}`, { SHUTDOWN_SECONDS: '1', EMAIL_CONCURRENCY: '1' })
    await expect.poll(() => server.connections).toBe(2)
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ pending: 1 })
  })

  it('calls the attempt ambiguous, and does not count it, where the server had the whole message and did not answer in time', async () => {
    const server = await startRawServer({ greeting: ['220 test', stall, stall], '.': stall })
    await insertMails(scene.database.db, 1)
    const worker = startWorker(`smtp://127.0.0.1:${server.port}`, { SHUTDOWN_SECONDS: '1', EMAIL_CONCURRENCY: '1' })
    await expect.poll(() => server.messages.length).toBe(1)
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(await countByStatus(scene.database.db)).toEqual({ pending: 1 })
    expect(await attemptsOf(scene.database.db, 'pending')).toEqual([0])
    const ledger = await scene.database.db.selectFrom('fleet.email_attempts').select('outcome').execute()
    expect(ledger).toEqual([{ outcome: 'ambiguous' }])
  })
})

async function waitForClaim(): Promise<void> {
  await expect.poll(() => countByStatus(scene.database.db)).toMatchObject({ sending: expect.any(Number) })
}
