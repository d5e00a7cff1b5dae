import type { Alert } from '../alerts/alert.ts'
import { loadConfig } from '../config/config.ts'
import { checkAlerts, listIncidents } from '../ops/alerts.ts'
import { databaseNow } from '../ops/clock.ts'
import { currentActor } from './actor.ts'
import type { Answer } from './answer.ts'
import { exitStatus } from './exit-status.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { type Cell, type Column, renderTable } from './table.ts'
import { formatTime } from './times.ts'

export async function showAlerts(session: Session): Promise<Answer> {
  const db = await session.openDatabase()
  return answerOf(await listIncidents(db), await databaseNow(db))
}

export async function check(session: Session): Promise<Answer> {
  const config = loadConfig()
  const db = await session.openDatabase({ config })
  const alerts = await session.progress('Looking', () => checkAlerts(db, { config, actor: currentActor() }))
  const exit = alerts.some(isInForce) ? exitStatus.found : exitStatus.done
  return { ...answerOf(alerts, await databaseNow(db)), exitStatus: exit }
}

function isInForce({ overAt }: Alert): boolean {
  return overAt === null
}

function answerOf(alerts: readonly Alert[], now: Date): Answer {
  return {
    document: { now, alerts: alerts.map(toDocument) },
    text: (screen) =>
      alerts.length === 0 ? 'No alert in force, and none within the last day.\n' : render(alerts, { screen, now }),
  }
}

function toDocument(alert: Alert): object {
  return { ...alert, inForce: isInForce(alert) }
}

const columns: readonly Column[] = [
  { title: 'ALERT' },
  { title: 'OF' },
  { title: 'SEVERITY' },
  { title: 'SINCE' },
  { title: 'OVER' },
  { title: 'TOLD' },
]

function render(alerts: readonly Alert[], view: { readonly screen: Screen; readonly now: Date }): string {
  const { colors } = view.screen
  const rows = alerts.map((alert): Cell[] => [
    { text: alert.kind, paint: isInForce(alert) ? colors.red : colors.dim },
    { text: alert.subject === '' ? '-' : alert.subject },
    { text: alert.severity },
    { text: formatTime(alert.noticedAt, view) },
    { text: formatTime(alert.overAt === null ? null : (alert.clearSince ?? alert.overAt), view) },
    { text: describeTold(alert) },
  ])
  return renderTable(columns, rows, view.screen)
}

/** `email 3 times, telegram once`; nobody where no channel has taken it. */
function describeTold({ told }: Alert): string {
  const channels = Object.entries(told).filter(([, { times, over }]) => times > 0 || over)
  const words = channels.map(([channel, { times }]) => `${channel} ${times}`)
  return words.length === 0 ? 'nobody' : words.join(', ')
}
