import type { Logger } from 'pino'
import type { Backoff } from '../queue/backoff.ts'
import { giveBack, type Lease } from '../queue/drain.ts'
import type { AttemptResult } from '../queue/leased-table.ts'
import type { Outcome } from '../queue/outcome.ts'
import { settle } from '../queue/settlement.ts'
import { type Judgement, judge } from './policy.ts'
import { type ComposeSettings, type Prepared, prepare } from './prepare.ts'
import { acceptedOf, type ServerWatch } from './server-watch.ts'
import type { SmtpExchange } from './smtp-exchange.ts'
import type { EmailRow } from './store.ts'
import type { Transport } from './transport.ts'

export interface DeliveryOptions {
  readonly compose: ComposeSettings
  readonly backoff: Backoff
  readonly transport: Transport
  readonly watch: ServerWatch
  readonly log: Logger
}

/** One attempt at one e-mail: prepare, offer, judge, decide. */
export class Delivery {
  readonly #options: DeliveryOptions

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
    const offeredAt = performance.now()
    const exchange = await this.#offer(row, prepared)
    const judgement = judge(exchange, prepared.known)
    if (exchange.fault?.code === 'ESTOPPED') {
      return exchange.stage === 'handed_over' ? this.#result(row, judgement, startedAt) : giveBack(row)
    }
    const reviewed = await this.#options.watch.review({ row, exchange, judgement, offeredAt })
    return this.#result(row, reviewed, startedAt)
  }

  /** What is recorded when an attempt threw: a bug of ours, which another attempt may or may not meet again. */
  onBug(row: EmailRow, error: unknown): AttemptResult {
    const reason = `Internal error: ${error instanceof Error ? error.message : String(error)}`
    const judgement: Judgement = { outcome: { kind: 'soft_failure', errorClass: 'internal', reason }, recipients: {} }
    return this.#result(row, judgement, performance.now())
  }

  #offer(row: EmailRow, { envelope, message, subject }: Extract<Prepared, { kind: 'ready' }>): Promise<SmtpExchange> {
    return this.#options.transport.offer({ emailId: row.id, subject, envelope, message }, async () => true)
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
