import type { WorkerContext } from '../process/run-worker.ts'
import { SharedChats } from '../telegram/shared-chats.ts'
import { channelPause } from './channel-pause-store.ts'
import { mailOf } from './channels/email.ts'
import { configuredDriver } from './channels/sms/configured-driver.ts'
import { smsChannel } from './channels/sms/sms-channel.ts'
import { telegramChannel } from './channels/telegram/channel.ts'
import type { ChannelName } from './notice.ts'
import type { Way } from './notice-delivery.ts'

export interface WaysOptions extends Pick<WorkerContext, 'config' | 'database' | 'log'> {
  /** The folder of the local outbox. */
  readonly outbox: string
}

export interface Ways {
  readonly ways: Readonly<Record<ChannelName, Way>>
  readonly chats: SharedChats
  /** Ends what is under way promptly. */
  readonly closeWays: () => void
}

/** The ways to reach people that the configuration has settings for; the others skip what they are given. */
export function createWays({ config, database, outbox, log }: WaysOptions): Ways {
  const { telegram: bot } = config
  const sms = smsChannel({ driver: configuredDriver(config.sms), pause: channelPause(database, 'sms'), log })
  const chats = new SharedChats({ database, limits: bot, pause: channelPause(database, 'telegram'), log })
  const telegram = telegramChannel({ botToken: bot.botToken, apiRoot: bot.apiRoot, outbox, chats, log })
  return {
    ways: { email: asMail, telegram, sms, system: byBeingThere },
    chats,
    closeWays() {
      sms.close()
      telegram.close()
    },
  }
}

/** E-mail becomes a mail of the queue. */
export const asMail: Way = {
  destination: 'email_queue',
  async deliver(notice) {
    const made = mailOf(notice)
    if (made.kind === 'mail') return { mail: made.mail }
    const { errorClass, reason } = made
    return { outcome: { kind: 'skipped', errorClass, reason } }
  },
}

/** What is told in the application is there already. */
export const byBeingThere: Way = {
  destination: 'the application',
  deliver: async () => ({ outcome: { kind: 'sent' } }),
}
