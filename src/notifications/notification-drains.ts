import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/pool.ts'
import { Drain } from '../queue/drain.ts'
import type { Vitals } from '../runtime/vitals.ts'
import { type ChannelName, channelNames } from './notice.ts'
import { NoticeDelivery, type Way } from './notice-delivery.ts'
import { quietHours } from './quiet-hours.ts'
import { type NotificationRow, notificationTable } from './store.ts'

export interface NotificationDrainsOptions {
  readonly database: Database
  /** Names the process to others. */
  readonly owner: string
  readonly notifications: Config['notifications']
  readonly defaultLocale: Config['defaultLocale']
  readonly defaultTimeZone: string
  readonly environment: string | undefined
  readonly shutdownSeconds: number
  readonly ways: Readonly<Record<ChannelName, Way>>
  /** Ends what the ways have under way. */
  readonly closeWays: () => void
  readonly vitals: Vitals
  readonly log: Logger
}

export interface NotificationDrains {
  /** A drain for each channel: a backlog of one keeps no other waiting. */
  readonly drains: Readonly<Record<ChannelName, Drain<NotificationRow>>>
  readonly inHand: number
  start(): void
  /** A hint that rows may be due, of this channel or else of any. */
  wake(channel?: string): void
  /** One pass over what is due in each channel. */
  run(): Promise<Record<string, object>>
  /** Finishes what is in hand within the deadline and gives the rest back. */
  stop(): Promise<void>
}

/** The parts that deliver `notifications`, put together. */
export function createNotificationDrains(options: NotificationDrainsOptions): NotificationDrains {
  const { closeWays, shutdownSeconds } = options
  const nextOpen = quietHours(options.defaultTimeZone, options.log)
  const create = (channel: ChannelName) => createDrain(channel, { ...options, nextOpen })
  const drains = {
    email: create('email'),
    telegram: create('telegram'),
    sms: create('sms'),
    system: create('system'),
  }
  const all = Object.values(drains)
  return {
    drains,
    get inHand() {
      return all.reduce((sum, { inHand }) => sum + inHand, 0)
    },
    start() {
      for (const drain of all) drain.start()
    },
    wake(channel) {
      const name = channelNames.find((known) => known === channel)
      for (const drain of name === undefined ? all : [drains[name]]) drain.wake()
    },
    async run() {
      const passes = channelNames.map(async (name) => [name, await drains[name].run()] as const)
      return Object.fromEntries(await Promise.all(passes))
    },
    async stop() {
      const deadlineMs = shutdownSeconds * 1000
      const stopped = await Promise.allSettled(all.map((drain) => drain.stop({ deadlineMs, abort: closeWays })))
      closeWays()
      for (const result of stopped) if (result.status === 'rejected') throw result.reason
    },
  }
}

type DrainSettings = NotificationDrainsOptions & Pick<ConstructorParameters<typeof NoticeDelivery>[0], 'nextOpen'>

function createDrain(channel: ChannelName, settings: DrainSettings): Drain<NotificationRow> {
  const { database, owner, environment, ways, nextOpen, defaultLocale, vitals, log } = settings
  const { concurrency, leaseSeconds, pollSeconds, backoff, groupSeconds } = settings.notifications
  const way = ways[channel]
  const delivery = new NoticeDelivery({
    database,
    channel,
    way,
    backoff,
    groupSeconds,
    defaultLocale,
    nextOpen,
    log,
  })
  return new Drain({
    // What is counted as e-mail is mail.
    queue: channel === 'email' ? 'notifications' : channel,
    table: notificationTable(database, channel, { owner, environment, leaseSeconds, groupSeconds }),
    concurrency,
    leaseSeconds,
    pollSeconds,
    inOrder: true,
    capacity: () => Number.POSITIVE_INFINITY,
    work: (work) => delivery.attempt(work),
    onBug: (row, error) => delivery.onBug(row, error),
    vitals,
    log,
  })
}
