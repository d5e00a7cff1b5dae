import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import type { Backoff } from '../queue/backoff.ts'
import { giveBack } from '../queue/drain.ts'
import type { Work } from '../queue/lease.ts'
import type { AttemptResult } from '../queue/leased-table.ts'
import type { Outcome } from '../queue/outcome.ts'
import { settle } from '../queue/settlement.ts'
import type { Delivery, Hold } from './channel.ts'
import type { MailDraft } from './channels/email.ts'
import { gatherDigest, readDigest } from './digest-store.ts'
import type { ChannelName, Notice, Told } from './notice.ts'
import type { QuietHours } from './quiet-hours.ts'
import { readData, readNotice } from './read-notice.ts'
import { keepParts, type NotificationRow, soonest } from './store.ts'

/** How a channel delivers: through another system, or as a mail of `email_queue`. */
export interface Way {
  /** For the ledger: a host, never a secret. */
  readonly destination: string
  deliver(notice: Notice, hold: Hold): Promise<Delivery | { readonly mail: MailDraft }>
}

export interface NoticeDeliveryOptions {
  readonly database: Database
  readonly channel: ChannelName
  readonly way: Way
  readonly backoff: Backoff
  readonly groupSeconds: number
  readonly defaultLocale: 'ru' | 'en'
  /** When sending is next open. */
  readonly nextOpen: (quiet: QuietHours, now: Date) => Date
  readonly log: Logger
}

/** The priority that nothing holds up. */
const urgent = 1

/** One attempt at a notification: is it the time, what goes out with it, deliver, decide. */
export class NoticeDelivery {
  readonly #options: NoticeDeliveryOptions

  constructor(options: NoticeDeliveryOptions) {
    this.#options = options
  }

  /** Never throws for what a row, a server or a network can do. */
  async attempt(work: Work<NotificationRow>): Promise<AttemptResult> {
    const { row } = work
    const startedAt = performance.now()
    const delayMs = this.#quietMs(row) || this.#groupMs(row)
    if (delayMs > 0) return { ...later(row, delayMs), details: { deferred: true } }
    const { channel, defaultLocale, way, database } = this.#options
    const members = await this.#gather(row)
    if (members === undefined || work.lost()) return giveBack(row)
    const delivery = await way.deliver(readNotice(row, channel, { members, defaultLocale }), {
      handOver: () => work.handOver(),
      lost: () => work.lost(),
      keep: (parts) => keepParts(database, row, parts),
    })
    if ('mail' in delivery) return handOn(row, delivery.mail)
    return this.#result(row, delivery, startedAt)
  }

  /** What is recorded when an attempt threw: a bug of ours, which another attempt may or may not meet again. */
  onBug(row: NotificationRow, error: unknown): AttemptResult {
    const reason = `Internal error: ${error instanceof Error ? error.message : String(error)}`
    const outcome: Outcome = { kind: 'soft_failure', errorClass: 'internal', reason }
    return this.#result(row, { outcome }, performance.now())
  }

  /** How long the quiet hours of its company still last. */
  #quietMs({ prio, quiet, now }: NotificationRow): number {
    const { channel, nextOpen } = this.#options
    if (quiet === null || prio <= urgent || channel === 'system') return 0
    return nextOpen(quiet, new Date(now)).getTime() - now
  }

  /** How long it still waits for others of its group. */
  #groupMs(row: NotificationRow): number {
    return this.#mayCarry(row) && !row.ends_soon ? Math.max(0, this.#options.groupSeconds * 1000 - row.waited_ms) : 0
  }

  /** Whether others may go out with it: only once, before it is tried. */
  #mayCarry({ group_id, prio, digest_size, attempt, parts, subject, message }: NotificationRow): boolean {
    const { channel, groupSeconds } = this.#options
    const isGrouped = group_id !== null && prio > soonest && groupSeconds > 0 && channel !== 'system'
    return isGrouped && digest_size === null && attempt === 1 && parts === null && Boolean(subject || message)
  }

  /** What goes out with it; undefined while the database is out of reach. */
  async #gather(row: NotificationRow): Promise<Told[] | undefined> {
    const { database, channel, log } = this.#options
    try {
      const size = this.#mayCarry(row) ? await gatherDigest(database, channel, row) : (row.digest_size ?? 1)
      if (size === 1) return []
      const members = await readDigest(database, row)
      return members.map(({ event_data, ...told }) => ({ ...told, data: readData(event_data) }))
    } catch (err) {
      log.warn({ err, notificationId: row.id }, 'cannot look for what goes out with it; later')
      return undefined
    }
  }

  #result(row: NotificationRow, delivery: Delivery, startedAt: number): AttemptResult {
    const { outcome, code, providerCode, reply, parts, recipient } = delivery
    const known = parts === undefined ? {} : { parts }
    const details = recipient === undefined ? known : { ...known, recipient }
    if (outcome.kind === 'untouched') return { ...later(row, outcome.delayMs), details, delivered: known }
    const { backoff, way } = this.#options
    const { id, token, attempt, max_attempts: maxAttempts, holds_ambiguous: holdsAmbiguous } = row
    const durationMs = Math.round(performance.now() - startedAt)
    this.#logOutcome(row, outcome, durationMs)
    const failure = outcome.kind === 'sent' ? undefined : outcome
    return {
      id,
      token,
      settlement: settle(outcome, { attempt, maxAttempts, backoff, holdsAmbiguous, random: Math.random() }),
      entry: {
        attempt,
        outcome: outcome.kind,
        errorClass: failure?.errorClass,
        code,
        providerCode,
        reply: reply ?? failure?.reason,
        transport: outcome.kind === 'skipped' ? undefined : way.destination,
        durationMs,
      },
      details,
      delivered: known,
    }
  }

  #logOutcome({ id: notificationId, attempt }: NotificationRow, outcome: Outcome, durationMs: number): void {
    const { log, channel } = this.#options
    if (outcome.kind === 'sent') {
      log.info({ notificationId, channel, attempt, durationMs }, 'notification sent')
      return
    }
    const { kind, errorClass, reason } = outcome
    const facts = { notificationId, channel, attempt, durationMs, outcome: kind, errorClass, reason }
    if (kind === 'outage' || kind === 'throttled') log.debug(facts, 'notification not sent; attempt given back')
    else log.warn(facts, 'notification not sent')
  }
}

/** As if it had never been claimed, but for the time. */
function later(row: NotificationRow, delayMs: number): AttemptResult {
  return { ...giveBack(row), settlement: { status: 'pending', delayMs, giveBack: true } }
}

function handOn(row: NotificationRow, mail: MailDraft): AttemptResult {
  return { ...giveBack(row), settlement: { status: 'sending' }, details: { mail } }
}
