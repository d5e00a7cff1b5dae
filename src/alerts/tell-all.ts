import type { Logger } from 'pino'
import type { Alert, AlertChannel, Told } from './alert.ts'
import { alertText, type TextSettings } from './alert-text.ts'
import { afterTelling, messageDue } from './assess.ts'
import type { Teller } from './tellers.ts'

export interface TellAll {
  readonly alerts: readonly Alert[]
  readonly tellers: readonly Teller[]
  readonly settings: TextSettings
  readonly now: Date
  /** Writes down that the channel has taken the message. */
  readonly onTold: (alert: Alert, channel: AlertChannel, told: Told) => Promise<void>
  readonly log: Logger
}

/** A channel is given no more of them in one look than it can take within the lease. */
const budgetMs = 25_000

/**
 * Tells every channel what it is due, the oldest first; all channels at once, each by itself. One that does not take a message is left
 * alone until the next look. Answers the alerts with what was told.
 */
export async function tellAll(task: TellAll): Promise<Alert[]> {
  const told = await Promise.all(task.tellers.map((teller) => tellOne(teller, task)))
  return task.alerts.map((alert, index) => ({
    ...alert,
    told: Object.assign({}, alert.told, ...told.map((records) => records[index])),
  }))
}

async function tellOne(teller: Teller, task: TellAll): Promise<Partial<Record<AlertChannel, Told>>[]> {
  const { alerts, settings, now, onTold, log } = task
  const { channel } = teller
  const startedAt = performance.now()
  const records = alerts.map((): Partial<Record<AlertChannel, Told>> => ({}))
  const inOrder = [...alerts.keys()].sort((a, b) => timeOf(alerts[a]) - timeOf(alerts[b]))
  for (const index of inOrder) {
    const alert = alerts[index]
    const message = alert && messageDue(alert, channel, now)
    if (!alert || message === undefined) continue
    const fault = await teller.tell(alertText(alert, { message, now }, settings))
    const facts = { kind: alert.kind, subject: alert.subject, severity: alert.severity, channel, message }
    if (fault !== undefined) {
      log.warn({ ...facts, reason: fault }, 'alert not told; trying again')
      return records
    }
    log.info(facts, 'alert told')
    const told = afterTelling(alert, { channel, message, now }).told[channel]
    if (told !== undefined) {
      records[index] = { [channel]: told }
      await onTold(alert, channel, told)
    }
    if (performance.now() - startedAt > budgetMs) return records
  }
  return records
}

function timeOf(alert: Alert | undefined): number {
  return alert?.noticedAt.getTime() ?? 0
}
