import type { Logger } from 'pino'
import type { Backoff } from '../queue/backoff.ts'
import { giveBack, type Lease } from '../queue/drain.ts'
import type { AttemptResult } from '../queue/leased-table.ts'
import type { Outcome } from '../queue/outcome.ts'
import { settle } from '../queue/settlement.ts'
import type { Outage } from './outage.ts'
import { type Judgement, judge, type RecipientStates } from './policy.ts'
import { type ComposeSettings, type Prepared, prepare } from './prepare.ts'
import { RefusalStreak, type RefusedRow } from './refusal-streak.ts'
import type { SmtpExchange } from './smtp-exchange.ts'
import type { EmailRow } from './store.ts'
import type { Transport } from './transport.ts'

export interface DeliveryOptions {
  readonly compose: ComposeSettings
  readonly backoff: Backoff
  readonly transport: Transport
  readonly outage: Outage
  /** Puts rows back that failed before it was known to be an outage. */
  readonly takeBack: (rows: readonly RefusedRow[]) => Promise<unknown>
  readonly log: Logger
}

/** One attempt at one e-mail: prepare, offer, judge, decide. */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #streak = new RefusalStreak()

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  /** Never throws for what a row, a server or a network can do. */
  async attempt(lease: Lease<EmailRow>): Promise<AttemptResult> {
    const { row } = lease
    const startedAt = performance.now()
    const prepared = await prepare(row, this.#options.compose, new Date())
    if (prepared.kind === 'refused')
      return this.#result(row, { outcome: prepared.outcome, recipients: prepared.known }, startedAt)
    if (lease.lost()) return giveBack(row)
    const exchange = await this.#offer(row, prepared)
    if (exchange.fault?.code === 'ESTOPPED' && exchange.stage !== 'handed_over') return giveBack(row)
    const judgement = await this.#watchForOutage(row, exchange, judge(exchange, prepared.known))
    return this.#result(row, judgement, startedAt)
  }

  /** What is recorded when an attempt threw: a bug of ours, which another attempt may or may not meet again. */
  onBug(row: EmailRow, error: unknown): AttemptResult {
    const reason = `Internal error: ${error instanceof Error ? error.message : String(error)}`
    const judgement: Judgement = { outcome: { kind: 'soft_failure', errorClass: 'internal', reason }, recipients: {} }
    return this.#result(row, judgement, performance.now())
  }

  #offer(row: EmailRow, { envelope, message, subject }: Extract<Prepared, { kind: 'ready' }>): Promise<SmtpExchange> {
    return this.#options.transport.offer({ emailId: row.id, subject, envelope, message })
  }

  async #watchForOutage(row: EmailRow, exchange: SmtpExchange, judgement: Judgement): Promise<Judgement> {
    const judged = await this.#watchForStreak(row, judgement)
    const { outcome } = judged
    const { outage, transport } = this.#options
    if (outcome.kind !== 'outage') {
      outage.passed()
      return judged
    }
    const turnedAway =
      exchange.stage === 'connect' || exchange.fault?.reply?.code === 421 || exchange.mail?.code === 421
    if (turnedAway && transport.working > 0) {
      outage.fewer(transport.working)
      return judged
    }
    outage.began(outcome.reason)
    // Connected and refused all the same: should it be this row's doing after all, others are tried before it.
    const retryAfterMs = exchange.stage === 'connect' || exchange.stage === 'login' ? 0 : outage.pauseMs
    return { ...judged, outcome: { ...outcome, retryAfterMs } }
  }

  async #watchForStreak(row: EmailRow, judgement: Judgement): Promise<Judgement> {
    const { outcome, recipients } = judgement
    if (outcome.kind === 'outage') return judgement
    if (outcome.kind !== 'hard_failure' || outcome.errorClass !== 'policy_refused') {
      this.#streak.end()
      return judgement
    }
    const refusals = Object.entries(recipients).filter(([, { state }]) => state === 'refused')
    const domains = refusals.map(([address]) => address.slice(address.lastIndexOf('@') + 1).toLowerCase())
    const key = /\(\d{3}( \d\.\d+\.\d+)?/.exec(refusals[0]?.[1].reply ?? '')?.[0] ?? ''
    const before = this.#streak.add({ key, domains, row: { id: row.id, token: row.token } })
    if (before === undefined) return judgement
    await this.#options.takeBack(before)
    const reason = `Refused by policy at one domain after the other: ${outcome.reason}`
    return { outcome: { kind: 'outage', errorClass: 'policy_refused', reason, retryAfterMs: 0 }, recipients: {} }
  }

  #result(row: EmailRow, { outcome, recipients }: Judgement, startedAt: number): AttemptResult {
    const { attempt, max_attempts } = row
    const facts = { attempt, maxAttempts: max_attempts, backoff: this.#options.backoff, random: Math.random() }
    this.#logOutcome(row, outcome, Math.round(performance.now() - startedAt))
    return {
      id: row.id,
      token: row.token,
      settlement: settle(outcome, facts),
      details: { recipients },
      delivered: { recipients: acceptedOf(recipients) },
    }
  }

  #logOutcome({ id: emailId, attempt }: EmailRow, outcome: Outcome, durationMs: number): void {
    const { log } = this.#options
    if (outcome.kind === 'sent') {
      log.info({ emailId, attempt, durationMs }, 'email sent')
      return
    }
    const { kind, errorClass, reason } = outcome
    const facts = { emailId, attempt, durationMs, outcome: kind, errorClass, reason }
    if (kind === 'outage' || kind === 'throttled') log.debug(facts, 'email not sent; attempt given back')
    else log.warn(facts, 'email not sent')
  }
}

function acceptedOf(recipients: RecipientStates): RecipientStates {
  return Object.fromEntries(Object.entries(recipients).filter(([, { state }]) => state === 'accepted'))
}
