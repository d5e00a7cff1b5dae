import type { Config } from '../config/config.ts'
import type { Maintenance } from '../maintenance/maintenance.ts'
import type { ControlJob } from '../queue/control-plane.ts'
import { tellStorage, withdrawStorageNotices } from './storage-notice.ts'
import { recountStorage } from './storage-recount.ts'
import { countViews } from './view-count.ts'

const anHour = 3_600

/** What the lifecycle worker does about views and storage. What companies are told is what has just been recounted. */
export function usageJobs(maintenance: Maintenance, config: Config): ControlJob[] {
  const { defaultLocale, defaultTimeZone } = config
  const options = { hours: config.subscriptions.hours, defaultLocale, defaultTimeZone }
  return [
    {
      queue: 'lifecycle.count-views',
      schedule: '* * * * *',
      expireInSeconds: anHour,
      run: () => countViews(maintenance),
    },
    {
      queue: 'lifecycle.recount-storage',
      schedule: '30 3 * * *',
      expireInSeconds: anHour,
      run: async () => ({ ...(await recountStorage(maintenance)), ...(await tellStorage(maintenance, options)) }),
    },
    {
      queue: 'lifecycle.withdraw-storage-notices',
      schedule: '*/10 * * * *',
      run: async () => ({ withdrawn: await withdrawStorageNotices(maintenance) }),
    },
  ]
}
