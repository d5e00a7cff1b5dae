import type { Logger } from 'pino'
import { differencesFrom } from '../db/installation.ts'
import { readActual, readStamp, stamp } from '../db/installation-store.ts'
import type { Database } from '../db/pool.ts'
import { type Loop, startLoop } from '../runtime/loop.ts'
import type { Vitals } from '../runtime/vitals.ts'

export interface InstallationGuardOptions {
  readonly database: Database
  readonly environment: string | undefined
  readonly owner: string
  readonly vitals: Vitals
  readonly log: Logger
}

const everyMs = 5_000
const remindAfterMs = 60_000

/**
 * Stamps a database that has no stamp, and says why nothing is sent while the stamp does not fit: in the log, once a minute, and in the
 * worker's vitals. What keeps mail from being sent is `fleet.may_send()`, which the claims ask themselves.
 */
export async function startInstallationGuard(options: InstallationGuardOptions): Promise<Loop> {
  const { database, environment, owner, vitals, log } = options
  let remindedAt = Number.NEGATIVE_INFINITY
  const look = async () => {
    await stamp(database.db, { environment, by: owner })
    const known = await readStamp(database.db)
    const differences = known ? differencesFrom(known, await readActual(database.db, environment)) : []
    const wasBlocked = vitals.blocked !== undefined
    vitals.blocked =
      differences.length === 0 ? undefined : `not the database that it is stamped as: ${differences.join('; ')}`
    if (wasBlocked && vitals.blocked === undefined) log.info('the database fits its stamp: sending goes on')
    if (vitals.blocked === undefined || performance.now() - remindedAt < remindAfterMs) return
    remindedAt = performance.now()
    log.error(
      { differences },
      'nothing is sent: this is not the database that it is stamped as; see fleet adopt-database',
    )
  }
  // Failures are left to the loop to report.
  await look().catch(() => {})
  return startLoop({ name: 'installation guard', everyMs, log, vitals, run: look })
}
