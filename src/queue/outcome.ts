/**
 * What came of one attempt, the same words for every channel.
 *
 * - `sent`: the next system has taken the message for all who were still to get it.
 * - `soft_failure`: it may work later; counts as an attempt.
 * - `throttled`, `outage`: says nothing about the message; later, and the attempt is given back.
 * - `hard_failure`: trying again would change nothing.
 * - `skipped`: there was nobody to send it to, or no settings to send it with. `holds` where it waits for somebody to decide.
 * - `ambiguous`: handed over, and the answer never came (RFC 1047). With `retryAfterMs` that says nothing about the message, as in an
 *   outage.
 */
export type Outcome =
  | { readonly kind: 'sent' }
  | (Reasoned & { readonly kind: 'soft_failure' | 'hard_failure' })
  | (Reasoned & { readonly kind: 'skipped'; readonly holds?: true })
  | (Reasoned & { readonly kind: 'ambiguous'; readonly retryAfterMs?: number })
  | (Reasoned & { readonly kind: 'throttled' | 'outage'; readonly retryAfterMs: number })

export interface Reasoned {
  /** The word that operators filter by, such as `recipient_unknown`. */
  readonly errorClass: string
  /** A sentence for an operator, at most some hundred characters. */
  readonly reason: string
}
