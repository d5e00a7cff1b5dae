import { pino } from 'pino'
import { Delivery, type DeliveryOptions } from '../../src/email/delivery.ts'
import { Outage } from '../../src/email/outage.ts'
import { emailTable, takeBack } from '../../src/email/store.ts'
import { createTransport } from '../../src/email/transport.ts'
import { Drain } from '../../src/queue/drain.ts'
import type { TestDatabase } from './database.ts'

export interface TestWorkerOptions {
  readonly smtpUrl: string
  readonly concurrency?: number
  readonly leaseSeconds?: number
  readonly pollSeconds?: number
  readonly maxBytes?: number
  readonly mailbox?: string
  readonly backoff?: DeliveryOptions['backoff']
  readonly firstPauseMs?: number
}

/** The e-mail worker's own parts on a test's database, without the process around it. */
export function createTestWorker({ db }: TestDatabase, options: TestWorkerOptions) {
  const {
    smtpUrl,
    concurrency = 5,
    leaseSeconds = 60,
    pollSeconds = 0.2,
    maxBytes = 10_000_000,
    mailbox = '',
  } = options
  const log = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const transport = createTransport(smtpUrl, { lanes: concurrency, mailbox })
  const outage: Outage = new Outage({
    lanes: concurrency,
    probe: () => transport.probe(),
    onReady: () => drain.wake(),
    log,
    firstPauseMs: options.firstPauseMs ?? 50,
  })
  const delivery = new Delivery({
    compose: {
      from: { name: 'Vertex AR', address: 'no-reply@vertex.example' },
      maxBytes,
      defaultLocale: 'ru',
      dkim: undefined,
    },
    backoff: options.backoff ?? { firstMs: 120_000, lastMs: 14_400_000 },
    transport,
    outage,
    takeBack: (rows) => takeBack(db, rows),
    log,
  })
  const table = emailTable(db, { owner: 'test', leaseSeconds, messageIdDomain: 'vertex.example' })
  const drain = new Drain({
    table,
    concurrency,
    leaseSeconds,
    pollSeconds,
    capacity: () => outage.capacity,
    work: (lease) => delivery.attempt(lease),
    onBug: (row, error) => delivery.onBug(row, error),
    log,
  })
  return {
    drain,
    table,
    outage,
    async stop() {
      await drain.stop({ deadlineMs: 5_000, abort: () => transport.close() })
      outage.stop()
      transport.close()
    },
  }
}
