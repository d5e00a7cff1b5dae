import type { Outcome } from '../queue/outcome.ts'
import type { Notice } from './notice.ts'

/** What an attempt holds of its row. */
export interface Hold {
  /**
   * To be asked right before the first byte of a request that delivers something is written; only after a yes, and at once, may it be.
   * May be asked again for the next part of the same notice.
   */
  handOver(): Promise<boolean>
  /** True once the lease has run out or passed to another: what has not been handed over must not be any more. */
  lost(): boolean
  /** Makes durable what the next system has taken so far, between the parts of a long message. */
  keep(parts: unknown): Promise<void>
}

/** What came of an attempt. */
export interface Delivery {
  /**
   * `untouched`: by our own will nothing was handed over (stopping, withdrawn, not its turn yet); as if never claimed, and due again after
   * `delayMs`.
   */
  readonly outcome: Outcome | { readonly kind: 'untouched'; readonly delayMs: number }
  /** The code that decided: of HTTP or of the Bot API. */
  readonly code?: number
  /** The provider's own code, at most 20 characters, such as Twilio's 21211. */
  readonly providerCode?: string
  /** The answer that decided, without secrets. */
  readonly reply?: string
  /** Replaces what was recorded of earlier attempts. */
  readonly parts?: unknown
  /** Where it goes from now on: a group that became a supergroup has another id. */
  readonly recipient?: string
}

/** A way to reach people through another system. */
export interface Channel {
  /** Where it goes, for the ledger: a host, never a secret. */
  readonly destination: string
  /** One attempt. Never throws for what a row, a server or a network can do. */
  deliver(notice: Notice, hold: Hold): Promise<Delivery>
  /** Ends what is under way promptly: what was handed over as ambiguous, with `retryAfterMs` 0; the rest as untouched. */
  close(): void
}
