import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { DB } from '../../src/db/schema.ts'
import type { Random } from './random.ts'

interface NewMail {
  readonly recipient_to: string
  readonly recipient_cc: string | null
  readonly recipient_bcc: string | null
  readonly body: string
  readonly priority: number
  readonly when_ambiguous: 'hold' | null
}

const everyMs = 25
const retryMs = 100
const domains = 7
const usualBytes = 1_500
/** More than a connection takes at once. */
const largeBytes = 300_000

/** Mails that keep arriving as other programs write them: plain INSERTs, of any priority, some to several recipients. */
export class Load {
  readonly #db: Kysely<DB>
  readonly #random: Random
  readonly #stopping = new AbortController()
  #ended: Promise<void> = Promise.resolve()
  #made = 0
  /** Rows whose INSERT the database has confirmed: none of them may be missing, whatever happens to it. */
  readonly confirmed: number[] = []

  constructor(db: Kysely<DB>, random: Random) {
    this.#db = db
    this.#random = random
  }

  start(): void {
    this.#ended = this.#keepInserting()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ended
  }

  /** Many at once. */
  async burst(count: number): Promise<void> {
    await this.#insert(Array.from({ length: count }, () => this.#make()))
  }

  async #keepInserting(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const mails = Array.from({ length: this.#random.int(2, 18) }, () => this.#make())
      // Its database may be down: that is what is tried here.
      const pauseMs = await this.#insert(mails).then(
        () => everyMs,
        () => retryMs,
      )
      await delay(pauseMs, undefined, { signal }).catch(() => {})
    }
  }

  async #insert(mails: readonly NewMail[]): Promise<void> {
    const { rows } = await sql<{ id: number }>`
      INSERT INTO email_queue (recipient_to, recipient_cc, recipient_bcc, subject, body, priority, max_attempts, when_ambiguous)
      SELECT m.recipient_to, m.recipient_cc, m.recipient_bcc, 'Chaos', m.body, m.priority, 50, m.when_ambiguous
        FROM jsonb_to_recordset(${JSON.stringify(mails)}::jsonb)
             AS m(recipient_to text, recipient_cc text, recipient_bcc text, body text, priority int, when_ambiguous text)
   RETURNING id`.execute(this.#db)
    for (const { id } of rows) this.confirmed.push(id)
  }

  /** Every address is of one mail alone. `defer…` is refused once, for now: then the others' acceptance has to be remembered. */
  #make(): NewMail {
    const random = this.#random
    this.#made += 1
    const at = `${this.#made}@d${random.int(1, domains)}.example`
    const several = random.chance(0.2)
    return {
      recipient_to: `to${at}`,
      recipient_cc: several ? `cc${at}` : null,
      recipient_bcc: several ? `${random.chance(0.5) ? 'defer' : 'bcc'}${at}` : null,
      body: 'Chaos\n'.repeat((random.chance(0.02) ? largeBytes : usualBytes) / 6),
      priority: random.int(1, 10),
      when_ambiguous: random.chance(0.08) ? 'hold' : null,
    }
  }
}
