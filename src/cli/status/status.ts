import { listMigrations } from '../../db/migration-state.ts'
import { type FleetStatus, readFleetStatus } from '../../ops/fleet-status.ts'
import type { Answer } from '../answer.ts'
import { notMigrated } from '../database.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { formatExactTime } from '../times.ts'
import { watchAnswers } from '../watch.ts'
import { listProblems } from './problems.ts'
import { renderErrorClasses, renderRates, renderWaiting } from './queues.ts'
import { renderReplays } from './replays.ts'
import { renderSchedules } from './schedules.ts'
import { renderSweeps } from './sweeps.ts'
import { renderWorkers } from './workers.ts'

export interface StatusOptions {
  readonly watch?: boolean
}

const watchEveryMs = 2_000

export async function showStatus(session: Session, { watch }: StatusOptions): Promise<Answer | undefined> {
  const db = await session.openDatabase({ unmigrated: true, max: 4 })
  const read = async (): Promise<Answer> => {
    const migrations = await listMigrations(db)
    const pendingMigrations = migrations.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name)
    if (migrations.length === pendingMigrations.length) throw notMigrated(pendingMigrations)
    const status = { ...(await readFleetStatus(db)), pendingMigrations }
    return { document: status, text: (screen) => render(status, screen) }
  }
  if (watch !== true) return session.progress('Looking', read)
  await watchAnswers(session, { read, everyMs: watchEveryMs })
  return undefined
}

/** What is wrong comes first; what is empty is left out. */
function render(status: FleetStatus & { readonly pendingMigrations: readonly string[] }, screen: Screen): string {
  const { colors } = screen
  const view = { screen, now: status.now }
  const section = (title: string, body: string) => (body === '' ? [] : [`${colors.bold(title)}\n${body}`])
  return [
    ...section(
      `The fleet at ${formatExactTime(status.now, status.now).replace(' (now)', '')}`,
      listProblems(status, view),
    ),
    ...section('Waiting', renderWaiting(status, view)),
    ...section('Sent', renderRates(status, view)),
    ...section('Failed and held', renderErrorClasses(status)),
    ...section('Replays', renderReplays(status.replays, view)),
    ...section('Workers', renderWorkers(status.workers, view)),
    ...section('Subscriptions', renderSweeps(status.subscriptions, view)),
    ...section('Schedules', renderSchedules(status.schedules, view)),
  ].join('\n')
}
