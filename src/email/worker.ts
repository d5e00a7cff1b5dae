import { fileURLToPath } from 'node:url'
import type { RunningWorker, WorkerContext } from '../process/run-worker.ts'
import { joinControlPlane } from '../queue/control-plane.ts'
import { Drain } from '../queue/drain.ts'
import { WakeUps } from '../queue/wake-ups.ts'
import { Delivery } from './delivery.ts'
import { Outage } from './outage.ts'
import { emailTable, takeBack } from './store.ts'
import { createTransport } from './transport.ts'

const mailboxDirectory = fileURLToPath(new URL('../../.fleet/mailbox', import.meta.url))

/** Delivers `email_queue` until stopped. */
export async function startEmailWorker(context: WorkerContext): Promise<RunningWorker> {
  const { config, database, directUrl, owner, log } = context
  const { concurrency, leaseSeconds, pollSeconds, backoff, from, maxBytes, dkim, smtpUrl = 'mailbox:' } = config.email
  const transport = createTransport(smtpUrl, { lanes: concurrency, mailbox: mailboxDirectory })
  const outage = new Outage({ lanes: concurrency, probe: () => transport.probe(), onReady: () => drain.wake(), log })
  const delivery = new Delivery({
    compose: { from, maxBytes, dkim, defaultLocale: config.defaultLocale },
    backoff,
    transport,
    outage,
    takeBack: (rows) => takeBack(database.db, rows),
    log,
  })
  const messageIdDomain = from.address.slice(from.address.lastIndexOf('@') + 1)
  const drain = new Drain({
    table: emailTable(database.db, { owner, leaseSeconds, messageIdDomain }),
    concurrency,
    leaseSeconds,
    pollSeconds,
    capacity: () => outage.capacity,
    work: (lease) => delivery.attempt(lease),
    onBug: (row, error) => delivery.onBug(row, error),
    log,
  })
  const wakeUps = new WakeUps({
    url: directUrl,
    applicationName: 'fleet email listen',
    channel: 'fleet_email',
    onWake: () => drain.wake(),
    log,
  })
  const run = async () => ({ ...(await drain.run()), inHand: drain.inHand })
  const controlPlane = await joinControlPlane({ database, instanceName: 'email', log }, [
    { queue: 'email.drain', schedule: '* * * * *', run },
  ])
  await wakeUps.start()
  drain.start()
  drain.wake()
  log.info({ destination: transport.destination, concurrency }, 'delivering')
  return {
    async stop() {
      await wakeUps.stop()
      await Promise.all([
        drain.stop({ deadlineMs: config.shutdownSeconds * 1000, abort: () => transport.close() }),
        controlPlane.stop(),
      ])
      outage.stop()
      transport.close()
    },
  }
}
