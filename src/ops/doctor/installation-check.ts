import { differencesFrom } from '../../db/installation.ts'
import { readActual, readStamp } from '../../db/installation-store.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const kinds = {
  WRONG_DATABASE: {
    severity: 'error',
    what: 'the database is not the one that it is stamped as',
    why: 'A restored dump, a copy or a database that was taken back in time holds mail that may have gone out already, so workers send nothing.',
    remedy: 'fleet adopt-database --dry-run says what it would accept, and what may have gone out',
  },
} as const

const found = findingsOf(kinds)

/** Whether this is the database that FLEET_ENVIRONMENT means, on the cluster and at the time that it was stamped with. */
export const installationCheck: Check<DatabaseContext> = {
  name: 'installation',
  kinds,
  async examine({ db, config }) {
    const stamp = await readStamp(db)
    if (stamp === undefined) return { findings: [], fine: 'it has no stamp yet: the first worker gives it one' }
    const differences = differencesFrom(stamp, await readActual(db, config.environment))
    return fineUnless(
      differences.map((what) => found('WRONG_DATABASE', { what })),
      stamp.environment === null ? 'it is the one that it is stamped as' : `it is that of ${stamp.environment}`,
    )
  },
}
