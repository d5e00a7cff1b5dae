import type { Logger } from 'pino'
import type { OutageNow } from '../runtime/vitals.ts'
import { LaneLimit } from './lane-limit.ts'
import { MailRefusals } from './mail-refusals.ts'
import { Outage } from './outage.ts'
import { blameMail, type Judgement, type RecipientStates } from './policy.ts'
import { RefusalStreak, type RefusedRow } from './refusal-streak.ts'
import { classifyReply } from './reply-class.ts'
import type { SmtpExchange, SmtpReply } from './smtp-exchange.ts'
import type { Transport } from './transport.ts'

export interface ServerWatchOptions {
  readonly lanes: number
  readonly transport: Pick<Transport, 'probe' | 'working'>
  /** Puts rows back that failed before it was known to be an outage. */
  readonly takeBack: (rows: readonly RefusedRow[]) => Promise<unknown>
  /** Told when rows may be claimed again. */
  readonly onReady: () => void
  /** Told when an outage has begun or is over. */
  readonly onChange: () => void
  readonly log: Logger
  readonly firstPauseMs?: number
}

/** One mail that was offered, and what it looks like taken by itself. */
export interface Offer {
  readonly row: RefusedRow
  readonly exchange: SmtpExchange
  readonly judgement: Judgement
  /** By the monotonic clock. */
  readonly offeredAt: number
}

/** Rows remembered to have been in hand when the server broke off; the oldest is forgotten first. */
const mostBroken = 1_000
const leastRetryMs = 1_000
const longestRetryMs = 600_000

/**
 * Watches what a mail server does over many mails, and so tells a failure that is about us or the server from one that is about a
 * mail. It corrects the judgement of a single exchange, and says how many mails may be in hand.
 */
export class ServerWatch {
  readonly #options: ServerWatchOptions
  readonly #outage: Outage
  readonly #limit: LaneLimit
  readonly #streak = new RefusalStreak()
  readonly #refusals = new MailRefusals()
  readonly #broken = new Set<number>()
  #probing: Promise<boolean> | undefined

  constructor(options: ServerWatchOptions) {
    const { lanes, onReady, onChange, log, firstPauseMs } = options
    this.#options = options
    this.#limit = new LaneLimit(lanes, log)
    const pause = firstPauseMs === undefined ? {} : { firstPauseMs }
    this.#outage = new Outage({ probe: () => this.#probe(), onReady, onChange, log, ...pause })
  }

  /** Rows that may be in hand now: 0 during an outage. */
  get capacity(): number {
    return Math.min(this.#limit.current, this.#outage.capacity)
  }

  /** The pause before the next try, in milliseconds; 0 when there is no outage. */
  get pauseMs(): number {
    return this.#outage.pauseMs
  }

  /** The outage that goes on. */
  get outage(): OutageNow | undefined {
    return this.#outage.current
  }

  stop(): void {
    this.#outage.stop()
    this.#limit.reset()
  }

  /** The judgement of an exchange in the light of what happened to others. Never rejects. */
  async review(offer: Offer): Promise<Judgement> {
    const { row, exchange, judgement } = offer
    if (judgement.outcome.kind === 'outage') return this.#reviewRefusalOfUs(offer)
    if (judgement.outcome.kind !== 'sent' && isBrokenOff(exchange)) return this.#reviewBreak(offer)
    this.#broken.delete(row.id)
    this.#refusals.forget(row.id)
    const reviewed = await this.#reviewRefusal(offer)
    if (reviewed.outcome.kind !== 'outage') this.#outage.passed()
    return reviewed
  }

  /** Up to the answer to MAIL FROM: about us, unless others get through and this row alone is refused for good. */
  #reviewRefusalOfUs({ row, exchange, judgement }: Offer): Judgement {
    const reachedServer = exchange.stage === 'mail'
    if (reachedServer && isLasting(exchange.mail) && this.#refusals.isToBlame(row.id)) {
      return { ...judgement, outcome: blameMail(exchange) }
    }
    const refusals = reachedServer ? this.#refusals.refused(row.id) : 0
    const { working } = this.#options.transport
    if (working > 0 && (exchange.stage === 'connect' || says421(exchange))) {
      this.#limit.shrinkTo(working)
      return judgement
    }
    return this.#declareOutage(judgement, refusals)
  }

  /** The connection broke, or the server closed it, in the middle of the mail: whose fault that is a probe tells. */
  async #reviewBreak({ row, exchange, judgement, offeredAt }: Offer): Promise<Judgement> {
    const again = this.#rememberBreak(row.id)
    const { working } = this.#options.transport
    if (says421(exchange) && working > 0) {
      if (again) return judgement
      this.#limit.shrinkTo(working)
      return { ...judgement, outcome: { ...reasonOf(judgement), kind: 'throttled', retryAfterMs: leastRetryMs } }
    }
    const before = this.#outage.touched(offeredAt)
    const well = await this.#probe()
    // The server is well: it was the mail, unless an outage has only just ended; a second time there is no such excuse.
    if (well && (again || !(before || this.#outage.touched(offeredAt)))) {
      if (this.#outage.pauseMs > 0) this.#outage.began(reasonOf(judgement).reason)
      return judgement
    }
    const outage = { ...reasonOf(judgement), kind: 'outage', retryAfterMs: 0 } as const
    return keepAmbiguity(judgement, this.#declareOutage({ ...judgement, outcome: outage }, 1))
  }

  /** One and the same refusal by many domains in a row is about us. */
  async #reviewRefusal({ row, exchange, judgement, offeredAt }: Offer): Promise<Judgement> {
    const offered = exchange.recipients.map(({ address, reply }) => ({
      address,
      reply,
      told: judgement.recipients[address],
    }))
    if (offered.some(({ told }) => told?.state === 'accepted')) {
      // One that was under way when an outage began says nothing about the server since.
      if (!this.#outage.beganAfter(offeredAt)) this.#refusals.passed()
      this.#streak.end()
      return judgement
    }
    const refusals = offered.filter(({ told }) => told?.state === 'refused' && isPolicy(told.error_class))
    if (judgement.outcome.kind !== 'hard_failure' || refusals.length === 0) {
      this.#streak.end()
      return judgement
    }
    const reply = kindOf(refusalOf(exchange, refusals[0]?.reply))
    const domains = refusals.map(({ address }) => address.slice(address.lastIndexOf('@') + 1).toLowerCase())
    if (!this.#streak.isAboutUs({ reply, domains, row })) return judgement
    await this.#putBack()
    const reason = `Refused by one domain after the other: ${reasonOf(judgement).reason}`
    const outcome = { kind: 'outage', errorClass: 'policy_refused', reason, retryAfterMs: 0 } as const
    return this.#declareOutage({ outcome, recipients: acceptedOf(judgement.recipients) }, 1)
  }

  async #putBack(): Promise<void> {
    const { rows } = this.#streak
    try {
      await this.#options.takeBack(rows)
      this.#streak.putBack(rows)
    } catch (err) {
      this.#options.log.warn(
        { err, ids: rows.map(({ id }) => id) },
        'cannot take back what failed before the outage was known; later',
      )
    }
  }

  /** A row that reached the server is put behind the others, further with each refusal: it may be the row's doing after all. */
  #declareOutage(judgement: Judgement, refusals: number): Judgement {
    const { outcome } = judgement
    if (outcome.kind !== 'outage') return judgement
    this.#outage.began(outcome.reason)
    this.#limit.reset()
    if (refusals === 0) return judgement
    const pauseMs = Math.max(this.#outage.pauseMs, this.#options.firstPauseMs ?? leastRetryMs)
    return { ...judgement, outcome: { ...outcome, retryAfterMs: Math.min(longestRetryMs, pauseMs * 2 ** refusals) } }
  }

  /** True when it was remembered already. */
  #rememberBreak(id: number): boolean {
    const again = this.#broken.delete(id)
    this.#broken.add(id)
    const [oldest] = this.#broken
    if (oldest !== undefined && this.#broken.size > mostBroken) this.#broken.delete(oldest)
    return again
  }

  /** All who want to know at once share one probe. */
  #probe(): Promise<boolean> {
    this.#probing ??= this.#options.transport.probe().finally(() => {
      this.#probing = undefined
    })
    return this.#probing
  }
}

/** Whoever's fault it was: a message that was handed over without an answer may have been taken. */
function keepAmbiguity(judgement: Judgement, reviewed: Judgement): Judgement {
  if (judgement.outcome.kind !== 'ambiguous' || !('retryAfterMs' in reviewed.outcome)) return reviewed
  return { ...reviewed, outcome: { ...reviewed.outcome, kind: 'ambiguous' } }
}

function isBrokenOff(exchange: SmtpExchange): boolean {
  return exchange.fault !== undefined || says421(exchange)
}

function isLasting(mail: SmtpReply | undefined): boolean {
  return mail !== undefined && classifyReply(mail, 'mail').verdict === 'hard'
}

function says421({ mail, recipients, message, fault }: SmtpExchange): boolean {
  return [mail, message, fault?.reply, ...recipients.map(({ reply }) => reply)].some((reply) => reply?.code === 421)
}

function isPolicy(errorClass: string | undefined): boolean {
  return errorClass === 'policy_refused' || errorClass === 'sender_refused'
}

/** The answer that refused: a recipient's own, or else the one to the message. */
function refusalOf({ message }: SmtpExchange, own: SmtpReply | undefined): SmtpReply | undefined {
  return own && own.code >= 400 ? own : message
}

function kindOf(reply: SmtpReply | undefined): string {
  return `${reply?.code} ${reply?.enhanced}`
}

function reasonOf({ outcome }: Judgement): { errorClass: string; reason: string } {
  return outcome.kind === 'sent'
    ? { errorClass: '', reason: '' }
    : { errorClass: outcome.errorClass, reason: outcome.reason }
}

/** What of the recipients' states stays true whatever becomes of the attempt. */
export function acceptedOf(recipients: RecipientStates): RecipientStates {
  return Object.fromEntries(Object.entries(recipients).filter(([, { state }]) => state === 'accepted'))
}
