import type { Logger } from 'pino'
import type { AttemptEntry } from '../queue/attempt-entry.ts'
import type { Backoff } from '../queue/backoff.ts'
import { giveBack } from '../queue/drain.ts'
import type { Work } from '../queue/lease.ts'
import type { AttemptResult } from '../queue/leased-table.ts'
import type { Outcome } from '../queue/outcome.ts'
import { settle } from '../queue/settlement.ts'
import { type Judgement, judge } from './policy.ts'
import { type ComposeSettings, type Prepared, prepare } from './prepare.ts'
import { acceptedOf, type ServerWatch } from './server-watch.ts'
import { decidingReply, formatReply, type SmtpExchange } from './smtp-exchange.ts'
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
  async attempt(work: Work<EmailRow>): Promise<AttemptResult> {
    const { row } = work
    const startedAt = performance.now()
    const preparing = prepare(row, this.#options.compose, new Date())
    const prepared = preparing instanceof Promise ? await preparing : preparing
    if (prepared.kind === 'refused')
      return this.#result({ row, startedAt }, { outcome: prepared.outcome, recipients: prepared.known })
    if (work.lost()) return giveBack(row)
    const offeredAt = performance.now()
    const exchange = await this.#offer(work, prepared)
    const judgement = judge(exchange, prepared.known)
    if (isUntouched(exchange)) return giveBack(row)
    if (exchange.fault?.code === 'ESTOPPED') return this.#result({ row, startedAt, exchange }, uncounted(judgement))
    const reviewed = await this.#options.watch.review({ row, exchange, judgement, offeredAt })
    return this.#result({ row, startedAt, exchange }, reviewed)
  }

  /** What is recorded when an attempt threw: a bug of ours, which another attempt may or may not meet again. */
  onBug(row: EmailRow, error: unknown): AttemptResult {
    const reason = `Internal error: ${error instanceof Error ? error.message : String(error)}`
    const judgement: Judgement = { outcome: { kind: 'soft_failure', errorClass: 'internal', reason }, recipients: {} }
    return this.#result({ row, startedAt: performance.now() }, judgement)
  }

  #offer(work: Work<EmailRow>, { envelope, message, subject }: Extract<Prepared, { kind: 'ready' }>) {
    const mail = { emailId: work.row.id, subject, envelope, message }
    return this.#options.transport.offer(mail, () => work.handOver())
  }

  #result(made: Attempt, { outcome, recipients }: Judgement): AttemptResult {
    const { id, token, attempt, max_attempts, holds_ambiguous } = made.row
    const { backoff, transport } = this.#options
    const durationMs = Math.round(performance.now() - made.startedAt)
    this.#logOutcome(made.row, outcome, durationMs)
    return {
      id,
      token,
      settlement: settle(outcome, {
        attempt,
        maxAttempts: max_attempts,
        backoff,
        holdsAmbiguous: holds_ambiguous,
        random: Math.random(),
      }),
      entry: { ...told(made, outcome), transport: made.exchange && transport.destination, durationMs },
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

/** It was our own will that ended the waiting for an answer: as when a worker dies, the attempt does not count. */
function uncounted(judgement: Judgement): Judgement {
  const { outcome } = judgement
  return outcome.kind === 'ambiguous' ? { ...judgement, outcome: { ...outcome, retryAfterMs: 0 } } : judgement
}

interface Attempt {
  readonly row: EmailRow
  readonly startedAt: number
  /** Undefined where no server was asked. */
  readonly exchange?: SmtpExchange
}

/** It ended by our own will before anything was handed over: as if the row had never been claimed. */
function isUntouched({ fault, stage }: SmtpExchange): boolean {
  return fault?.code === 'EWITHDRAWN' || (fault?.code === 'ESTOPPED' && stage !== 'handed_over')
}

/** What the ledger says of the answer. */
function told({ row, exchange }: Attempt, outcome: Outcome): Omit<AttemptEntry, 'transport' | 'durationMs'> {
  const { attempt } = row
  const reply = exchange && decidingReply(exchange)
  const failure = outcome.kind === 'sent' ? undefined : outcome
  return {
    attempt,
    outcome: outcome.kind,
    errorClass: failure?.errorClass,
    code: reply?.code,
    providerCode: reply?.enhanced,
    reply: reply ? formatReply(reply) : failure?.reason,
  }
}
