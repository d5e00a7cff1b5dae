import type { MessageAttempt } from '../message-history.ts'
import { mostAhead } from './ahead.ts'
import { answerOf, isPutOff } from './attempts.ts'
import { clock, ordinal } from './explanation.ts'
import { heldFor } from './held-reasons.ts'
import { type SenderFacts, standstillOf } from './senders.ts'

// What is said of messages of every queue in the same words; undefined where there is nothing of the kind to say.

interface Said<State extends string> {
  readonly state: State
  readonly sentence: string
  readonly remedy?: string
}

interface Message {
  readonly id: number
  readonly status: string
  readonly attempts: number
  readonly maxAttempts: number
  readonly errorClass: string | null
  readonly lastError: string | null
  readonly claimedBy: string | null
  readonly claimedAt: Date | null
  readonly leasedUntil: Date | null
  readonly history: readonly MessageAttempt[]
}

/** It was tried, and is to be tried again at `due`. */
export function sayTriedAgain(message: Message, due: Date, now: Date): Said<'to_be_tried_again'> | undefined {
  const tries = triesOf(message, now)
  if (tries === undefined) return undefined
  return { state: 'to_be_tried_again', sentence: `Waiting: due at ${clock(due, now)}, ${tries}.` }
}

/** `attempt 2 of 3; the first failed at …: …`, as a clause; undefined where it was not tried yet. */
export function triesOf(message: Message, now: Date): string | undefined {
  const { history, errorClass, attempts, maxAttempts } = message
  const last = history.at(-1)
  if (last === undefined || errorClass === null) return undefined
  const at = clock(last.endedAt, now)
  const happened = isPutOff(last)
    ? `it was put off at ${at}, which counts as no attempt: ${answerOf(last)}`
    : `${ordinal(last.attempt)} failed at ${at}: ${answerOf(last)}`
  return `attempt ${attempts + 1} of ${maxAttempts}; ${happened}`
}

/** `clauses` go to the end of the sentence. */
export function saidWith<S extends { readonly sentence: string }>(
  said: S,
  ...clauses: readonly (string | undefined)[]
): S {
  const more = clauses.filter((clause) => clause !== undefined)
  return { ...said, sentence: `${[said.sentence.replace(/\.$/, ''), ...more].join('; ')}.` }
}

/** Others that are due go first. */
export function sayBehind(ahead: number, since: string): Said<'behind'> | undefined {
  if (ahead === 0) return undefined
  const count = `${ahead.toLocaleString('en-US')}${ahead === mostAhead ? ' or more' : ''}`
  const [are, have] = ahead === 1 ? ['is', 'has'] : ['are', 'have']
  return {
    state: 'behind',
    sentence: `Waiting: ${since}, behind ${count} that ${are} more urgent or ${have} waited longer.`,
  }
}

/** Nobody takes anything of its queue. `since` says since when it is due. */
export function sayStandstill(senders: SenderFacts, since: string, now: Date) {
  const standstill = standstillOf(senders, now)
  if (standstill === undefined) return undefined
  const { state, reason, remedy } = standstill
  return { state, sentence: `Waiting: ${since}, but ${reason}.`, remedy }
}

/** `email@a:1 since 14:05:00 UTC (3 s ago)`. */
export function holderOf({ claimedBy, claimedAt }: Message, now: Date): string {
  return `${claimedBy ?? 'a worker'}${claimedAt === null ? '' : ` since ${clock(claimedAt, now)}`}`
}

/** Its worker has let the lease run out. */
export function sayStranded(
  { claimedBy, leasedUntil }: Message,
  { handedOver, worker, now }: { handedOver: string; worker: string; now: Date },
): Said<'stranded'> | undefined {
  if (leasedUntil === null || leasedUntil >= now) return undefined
  return {
    state: 'stranded',
    sentence: `In the hands of ${claimedBy ?? 'a worker'}, whose lease ran out at ${clock(leasedUntil, now)}: that worker is dead, and the next one that is alive takes it back${handedOver}.`,
    remedy: `see that ${worker} is alive: fleet status`,
  }
}

/** `noun` is the command's: `email`. */
export function sayHeld(message: Message, noun: string): Said<'held'> {
  return {
    state: 'held',
    sentence: `Held for somebody to decide: ${heldFor(message)}.`,
    remedy: `fleet ${noun} release --id ${message.id}, or fleet ${noun} cancel --id ${message.id}`,
  }
}

export function sayForeign({ id, status }: Message, table: string): Said<'foreign'> {
  return {
    state: 'foreign',
    sentence: `Left alone: its status is "${status}", which another program has written.`,
    remedy: `UPDATE ${table} SET status = 'pending' WHERE id = ${id}`,
  }
}

/** What is said of a message that was erased: nothing can be done with it any more. */
export function sayErased<T extends { readonly sentence: string; readonly remedy?: string | null }>(
  said: T,
  { erasedAt }: { readonly erasedAt: Date | null },
  now: Date,
): T {
  if (erasedAt === null) return said
  const sentence = `${said.sentence} What it said was erased at ${clock(erasedAt, now)}, so it cannot be sent again.`
  return { ...said, sentence, remedy: null }
}
