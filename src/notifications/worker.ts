import type { RunningWorker, WorkerContext } from '../process/run-worker.ts'
import { joinInBackground } from '../queue/control-plane.ts'
import { WakeUps } from '../queue/wake-ups.ts'
import { coalesce } from '../runtime/coalesce.ts'
import { outboxFolder } from '../runtime/folders.ts'
import { startLoop } from '../runtime/loop.ts'
import { startTelegramBot } from '../telegram/bot.ts'
import { writeDailyDigest } from './daily-digest.ts'
import { runFallbacks } from './fallback-pass.ts'
import { createNotificationDrains } from './notification-drains.ts'
import { createWays } from './ways.ts'

/** Delivers `notifications`, tries the next channel where one has failed, and answers the bot's chats, until stopped. */
export async function startNotificationsWorker(context: WorkerContext): Promise<RunningWorker> {
  const { config, database, directUrl, owner, vitals, log } = context
  const { notifications, defaultLocale, defaultTimeZone, environment, shutdownSeconds } = config
  const { ways, chats, closeWays } = createWays({ config, database, log, outbox: outboxFolder })
  const drains = createNotificationDrains({
    ...{ database, owner, vitals, log, notifications, defaultLocale, defaultTimeZone, environment, shutdownSeconds },
    ...{ ways, closeWays },
  })
  const fallbacks = coalesce(() => runFallbacks(database, { defaults: notifications.fallbacks, log }))
  const fallbackLoop = startLoop({
    name: 'fallbacks',
    everyMs: notifications.pollSeconds * 1000,
    log,
    vitals,
    run: fallbacks,
  })
  const wakeUps = new WakeUps({
    url: directUrl,
    applicationName: 'fleet notifications listen',
    channel: 'fleet_notifications',
    onWake: (payload) => {
      // Failures are left to the loop to report.
      if (payload === 'fallback' || payload === undefined) fallbacks().catch(() => {})
      if (payload !== 'fallback') drains.wake(payload)
    },
    log,
    vitals,
  })
  await wakeUps.start()
  drains.start()
  drains.wake()
  log.info({ telegram: ways.telegram.destination, sms: ways.sms.destination }, 'delivering')
  const { botToken: token, apiRoot } = config.telegram
  const bot =
    token === undefined || apiRoot === 'outbox:'
      ? undefined
      : startTelegramBot({
          ...{ database, directUrl, token, apiRoot, chats, defaultLocale, defaultTimeZone, log },
          isBlocked: () => vitals.blocked !== undefined,
        })
  const run = async () => ({ ...(await drains.run()), inHand: drains.inHand })
  const controlPlane = joinInBackground({ database, instanceName: 'notifications', log, vitals }, [
    { queue: 'notifications.drain', schedule: '* * * * *', run },
    { queue: 'notifications.daily-digest', schedule: '0 6 * * *', run: () => digestOf(context) },
  ])
  return {
    async stop() {
      await Promise.all([wakeUps.stop(), bot?.stop(), fallbackLoop.stop(), drains.stop(), controlPlane.stop()])
    },
  }
}

/** In the morning, in most of the time zones of the platform's customers. */
async function digestOf({ config, database, log }: WorkerContext): Promise<{ written: number }> {
  const { admin, defaultLocale: locale, defaultTimeZone: timeZone } = config
  const { email: adminEmail, telegramChatId: adminChatId } = admin
  return { written: await writeDailyDigest(database, { adminEmail, adminChatId, locale, timeZone, log }) }
}
