import { carryOnReplays } from '../ops/replays/carry-on.ts'
import { replayQueue } from '../ops/replays/replay-job.ts'
import { forgetOldReplays } from '../ops/replays/replay-store.ts'
import { forgetOldVitals } from '../process/heartbeat-store.ts'
import type { RunningWorker, WorkerContext } from '../process/run-worker.ts'
import { type ControlJob, joinControlPlane } from '../queue/control-plane.ts'
import { rotateDue } from '../rotation/rotation-pass.ts'
import { sweepSettings } from '../subscriptions/settings.ts'
import { sweep } from '../subscriptions/sweep.ts'
import { usageJobs } from '../usage/usage-jobs.ts'
import { archiveMail } from './email-archive.ts'
import type { Maintenance } from './maintenance.ts'
import { keepPartitions } from './partitions.ts'
import { applyRetention } from './retention.ts'

const anHour = 3_600

/** Keeps partitions, the archive of mail, and retention until stopped. */
export async function startLifecycleWorker({
  config,
  database,
  owner,
  vitals,
  log,
}: WorkerContext): Promise<RunningWorker> {
  const stopping = new AbortController()
  const maintenance: Maintenance = { db: database.db, signal: stopping.signal, log }
  const jobs: ControlJob[] = [
    {
      queue: 'lifecycle.partitions',
      schedule: '15 0 * * *',
      atStart: true,
      expireInSeconds: anHour,
      run: () => keepPartitions(maintenance),
    },
    {
      queue: 'lifecycle.archive-email',
      schedule: '45 * * * *',
      expireInSeconds: anHour,
      run: () => archiveMail(maintenance, config.archive.emailAfter),
    },
    {
      queue: 'lifecycle.retention',
      schedule: '15 2 * * *',
      expireInSeconds: anHour,
      run: async () => ({
        ...(await applyRetention(maintenance, config.retention)),
        forgotten: await forgetOldVitals(database.db),
        replayedMails: await forgetOldReplays(database.db),
      }),
    },
    {
      queue: 'lifecycle.sweep',
      schedule: '*/10 * * * *',
      atStart: true,
      expireInSeconds: anHour,
      run: () => sweep({ ...maintenance, settings: sweepSettings(config), worker: owner }),
    },
    {
      queue: replayQueue,
      schedule: '* * * * *',
      atStart: true,
      expireInSeconds: anHour,
      run: () => carryOnReplays(database.db, { signal: stopping.signal }),
    },
    {
      queue: 'lifecycle.rotate-videos',
      schedule: '* * * * *',
      expireInSeconds: anHour,
      run: () => rotateDue(maintenance),
    },
    ...usageJobs(maintenance, config),
  ]
  const controlPlane = await joinControlPlane({ database, instanceName: 'lifecycle', log, vitals }, jobs)
  log.info({ retention: config.retention, archive: config.archive }, 'keeping partitions, archive and retention')
  return {
    async stop() {
      stopping.abort()
      await controlPlane.stop()
    },
  }
}
