import type { WorkerContext } from '../process/run-worker.ts'
import { channelPause } from './channel-pause-store.ts'
import { mailOf } from './channels/email.ts'
import { configuredDriver } from './channels/sms/configured-driver.ts'
import { smsChannel } from './channels/sms/sms-channel.ts'
import type { ChannelName } from './notice.ts'
import type { Way } from './notice-delivery.ts'

export interface Ways {
  readonly ways: Readonly<Record<ChannelName, Way>>
  /** Ends what is under way promptly. */
  readonly closeWays: () => void
}

/** The ways to reach people that the configuration has settings for; the others skip what they are given. */
export function createWays({ config, database, log }: Pick<WorkerContext, 'config' | 'database' | 'log'>): Ways {
  const sms = smsChannel({ driver: configuredDriver(config.sms), pause: channelPause(database, 'sms'), log })
  return {
    ways: { email: asMail, telegram: sms, sms, system: byBeingThere },
    closeWays() {
      sms.close()
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
