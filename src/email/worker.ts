import type { RunningWorker, WorkerContext } from '../process/run-worker.ts'
import { joinInBackground } from '../queue/control-plane.ts'
import { WakeUps } from '../queue/wake-ups.ts'
import { mailboxFolder } from '../runtime/folders.ts'
import { createEmailDrain } from './email-drain.ts'

/** Delivers `email_queue` until stopped. */
export async function startEmailWorker(context: WorkerContext): Promise<RunningWorker> {
  const { config, database, directUrl, owner, vitals, log } = context
  const { email, defaultLocale, environment, shutdownSeconds } = config
  const { drain, destination, stop } = createEmailDrain({
    database,
    owner,
    email,
    defaultLocale,
    environment,
    shutdownSeconds,
    smtpUrl: email.smtpUrl ?? 'mailbox:',
    mailbox: mailboxFolder,
    vitals,
    log,
  })
  const wakeUps = new WakeUps({
    url: directUrl,
    applicationName: 'fleet email listen',
    channel: 'fleet_email',
    onWake: () => drain.wake(),
    log,
    vitals,
  })
  const run = async () => ({ ...(await drain.run()), inHand: drain.inHand })
  await wakeUps.start()
  drain.start()
  drain.wake()
  log.info({ destination, concurrency: email.concurrency }, 'delivering')
  const { overrideTo, allowlist } = email.sandbox
  if (overrideTo !== undefined || allowlist !== undefined) {
    const facts = { overrideTo: overrideTo?.address, allowlist }
    log.warn(facts, 'a test installation: mail goes to EMAIL_OVERRIDE_TO and EMAIL_ALLOWLIST only')
  }
  // A safety net and operators' commands: wake-ups, poll and leases do without.
  const controlPlane = joinInBackground({ database, instanceName: 'email', log, vitals }, [
    { queue: 'email.drain', schedule: '* * * * *', run },
  ])
  return {
    async stop() {
      await Promise.all([wakeUps.stop(), stop(), controlPlane.stop()])
    },
  }
}
