import { pino } from 'pino'
import type { Config } from '../../src/config/config.ts'
import type { Hold } from '../../src/notifications/channel.ts'
import type { ChannelName, Notice } from '../../src/notifications/notice.ts'
import type { Way } from '../../src/notifications/notice-delivery.ts'
import { createNotificationDrains } from '../../src/notifications/notification-drains.ts'
import { asMail, byBeingThere } from '../../src/notifications/ways.ts'
import { Vitals } from '../../src/runtime/vitals.ts'
import type { TestDatabase } from './database.ts'

export interface TestDrainsOptions extends Partial<Config['notifications']> {
  readonly owner?: string
  readonly shutdownSeconds?: number
  readonly environment?: string
  readonly vitals?: Vitals
  /** In place of the usual ones. */
  readonly ways?: Partial<Record<ChannelName, Way>>
  readonly closeWays?: () => void
}

/** The notifications worker's own parts on a test's database, without the process around it. TEST_LOG shows its log. */
export function createTestDrains(database: TestDatabase, options: TestDrainsOptions = {}) {
  const {
    owner = 'test',
    shutdownSeconds = 5,
    vitals = new Vitals(),
    environment,
    ways,
    closeWays = () => {},
    ...notifications
  } = options
  return createNotificationDrains({
    database,
    owner,
    environment,
    shutdownSeconds,
    vitals,
    defaultLocale: 'ru',
    defaultTimeZone: 'Europe/Moscow',
    ways: { email: asMail, telegram: unwanted, sms: unwanted, system: byBeingThere, ...ways },
    closeWays,
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    notifications: {
      concurrency: 5,
      leaseSeconds: 60,
      pollSeconds: 0.2,
      groupSeconds: 60,
      backoff: { firstMs: 120_000, lastMs: 14_400_000 },
      fallbacks: {},
      ...notifications,
    },
  })
}

/** A way whose deliveries a test awaits, and answers one by one. */
export function createScriptedWay(answer: (notice: Notice, hold: Hold) => ReturnType<Way['deliver']>) {
  const told: Notice[] = []
  const way: Way = {
    destination: 'script',
    deliver(notice, hold) {
      told.push(notice)
      return answer(notice, hold)
    },
  }
  return { way, told }
}

const unwanted: Way = {
  destination: 'nowhere',
  deliver: async () => {
    throw new Error('This test has no such channel')
  },
}
