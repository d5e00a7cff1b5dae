import type { Reasoned } from '../../../queue/outcome.ts'
import type { SmsErrorClass } from './error-class.ts'

export interface SmsMessage {
  /** In E.164, such as `+79123456789`. */
  readonly to: string
  readonly text: string
}

export interface SmsTerms {
  /** Asked right before the first byte of the request is written, at most once; without a yes nothing is written. */
  readonly handOver: () => Promise<boolean>
  /** Ends what is under way promptly, and for good. */
  readonly signal: AbortSignal
}

type SmsReasoned = Reasoned & { readonly errorClass: SmsErrorClass }

/** What an answer means. `throttled` and `outage` are about the whole channel; `untouched`: by our own will nothing was written. */
export type SmsVerdict =
  | { readonly kind: 'sent' }
  | { readonly kind: 'untouched' }
  | (SmsReasoned & { readonly kind: 'soft_failure' | 'hard_failure' })
  | (SmsReasoned & { readonly kind: 'outage' })
  | (SmsReasoned & { readonly kind: 'throttled'; readonly retryAfterMs: number })
  | (SmsReasoned & { readonly kind: 'ambiguous'; readonly retryAfterMs?: number })

export interface SmsAnswer {
  readonly verdict: SmsVerdict
  /** Of HTTP. */
  readonly code?: number
  /** The provider's own. */
  readonly providerCode?: string
  /** What it said, in one line and without secrets. */
  readonly reply?: string
}

/** A provider that sends SMS. */
export interface SmsDriver {
  /** Its host. */
  readonly destination: string
  /** One attempt. Never rejects for what a message, a server or a network can do. */
  send(message: SmsMessage, terms: SmsTerms): Promise<SmsAnswer>
}
