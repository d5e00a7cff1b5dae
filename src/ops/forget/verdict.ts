/** What is known of a message that an address was found in. */
export interface MessageFacts {
  readonly status: string | null
  /** A worker has it, and may write to it still. */
  readonly isInHand: boolean
  /** The address is one of its recipients. */
  readonly isRecipient: boolean
  /** There are other recipients. */
  readonly hasOthers: boolean
}

/**
 * What becomes of a message that an address is found in.
 * - `erase`: what it says goes, and the address.
 * - `cancel`: that, too; it was waiting to go to that address alone.
 * - `take_out`: it goes to the others as it is.
 * - `waits`: it is for others, and only speaks of the address: left alone until it has gone.
 * - `being_sent`: left alone until its worker is done.
 */
export type Verdict = 'erase' | 'cancel' | 'take_out' | 'waits' | 'being_sent'

const waiting: readonly (string | null)[] = ['pending', 'held', null]

export function judgeMessage({ status, isInHand, isRecipient, hasOthers }: MessageFacts): Verdict {
  if (isInHand) return 'being_sent'
  if (!waiting.includes(status)) return 'erase'
  if (!isRecipient) return 'waits'
  return hasOthers ? 'take_out' : 'cancel'
}
