import { autovacuumCheck } from './autovacuum-check.ts'
import { bloatCheck } from './bloat-check.ts'
import type { Check, DatabaseContext, HostContext } from './check.ts'
import { clockCheck } from './clock-check.ts'
import { configurationCheck } from './configuration-check.ts'
import { connectionsCheck } from './connections-check.ts'
import { databaseCheck } from './database-check.ts'
import { dnsCheck } from './dns-check.ts'
import { driftCheck } from './drift-check.ts'
import { durabilityCheck } from './durability-check.ts'
import { heldCheck } from './held-check.ts'
import { horizonCheck } from './horizon-check.ts'
import { indexesCheck } from './indexes-check.ts'
import { installationCheck } from './installation-check.ts'
import { leasesCheck } from './leases-check.ts'
import { migrationsCheck } from './migrations-check.ts'
import { passwordsCheck } from './passwords-check.ts'
import { pausesCheck } from './pauses-check.ts'
import { pm2Check } from './pm2-check.ts'
import { rightsCheck } from './rights-check.ts'
import { schedulesCheck } from './schedules-check.ts'
import { sequencesCheck } from './sequences-check.ts'
import { smtpCheck } from './smtp-check.ts'
import { stagesCheck } from './stages-check.ts'
import { telegramCheck } from './telegram-check.ts'
import { workersCheck } from './workers-check.ts'

/** What is looked at without a database. */
export const hostChecks: readonly Check<HostContext>[] = [
  configurationCheck,
  smtpCheck,
  telegramCheck,
  dnsCheck,
  pm2Check,
]

/** They measure times, so nothing else is to keep the process busy meanwhile. */
export const measuringChecks: readonly Check<DatabaseContext>[] = [databaseCheck, clockCheck]

/** In the order in which they are told. */
export const databaseChecks: readonly Check<DatabaseContext>[] = [
  migrationsCheck,
  driftCheck,
  installationCheck,
  indexesCheck,
  rightsCheck,
  passwordsCheck,
  durabilityCheck,
  connectionsCheck,
  autovacuumCheck,
  bloatCheck,
  horizonCheck,
  sequencesCheck,
  workersCheck,
  schedulesCheck,
  leasesCheck,
  pausesCheck,
  heldCheck,
  stagesCheck,
]
