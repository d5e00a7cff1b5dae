import type { MailRecipient } from '../show-mail.ts'
import type { Act } from './acts.ts'
import { actEvidence } from './acts.ts'
import { attemptEvidence } from './attempts.ts'
import {
  holderOf,
  saidWith,
  sayBehind,
  sayErased,
  sayForeign,
  sayHeld,
  sayStandstill,
  sayStranded,
  sayTriedAgain,
  triesOf,
} from './common-sentences.ts'
import { byTime, clock, type Explanation } from './explanation.ts'
import type { MailFacts } from './mail-facts.ts'

/** Every state that a mail can be explained by, in the order of its life. */
export const mailStates = [
  'scheduled',
  'to_be_tried_again',
  'paused',
  'taken_back',
  'no_worker',
  'blocked',
  'outage',
  'behind',
  'next',
  'sending',
  'stranded',
  'sent',
  'partly_failed',
  'failed',
  'expired',
  'cancelled',
  'held',
  'foreign',
] as const

export type MailState = (typeof mailStates)[number]

interface Said {
  readonly state: MailState
  readonly sentence: string
  readonly remedy?: string
}

/** Why a mail is where it is. */
export function explainMail(facts: MailFacts): Explanation<MailState> {
  const { remedy = null, ...said } = sayErased(say(facts), facts.mail, facts.now)
  const evidence = byTime([
    {
      at: facts.mail.enqueuedAt,
      text: facts.notification ? `queued for notification ${facts.notification.id}` : 'queued',
    },
    ...attemptEvidence(facts.mail.history),
    ...actEvidence(facts.acts),
    ...facts.replays.map(({ id, at, actor, reason, item }) => ({
      at,
      text: `${item.replace('_', ' ')} in replay ${id} by ${actor}${reason === null ? '' : `: ${reason}`}`,
    })),
  ])
  return { ...said, remedy, evidence }
}

function say(facts: MailFacts): Said {
  switch (facts.mail.status) {
    case 'pending':
      return sayWaiting(facts)
    case 'sending':
      return saySending(facts)
    case 'sent':
      return saySent(facts)
    case 'failed':
      return sayFailed(facts)
    case 'expired':
      return sayExpired(facts)
    case 'cancelled':
      return sayCancelled(facts)
    case 'held':
      return sayHeld(facts.mail, 'email')
    default:
      return sayForeign(facts.mail, 'email_queue')
  }
}

function sayWaiting(facts: MailFacts): Said {
  const { mail, now } = facts
  const due = mail.dueAt ?? mail.enqueuedAt
  if (due <= now) return saidWith(sayDue(facts, `due since ${clock(due, now)}`), triesOf(mail, now), whoHas(mail))
  const scheduled = { state: 'scheduled', sentence: `Waiting: scheduled for ${clock(due, now)}.` } as const
  return saidWith(sayTriedAgain(mail, due, now) ?? scheduled, whoHas(mail))
}

/** `2 of 3 recipients have it, and b@example.org does not yet`; undefined where nobody has it. */
function whoHas({ recipients }: MailFacts['mail']): string | undefined {
  const accepted = recipients.filter(({ state }) => state === 'accepted')
  const [next, ...others] = recipients.filter(({ state }) => state === 'deferred' || state === 'outstanding')
  if (accepted.length === 0 || next === undefined) return undefined
  const rest = others.length === 0 ? `${next.address} does` : `${next.address} and ${others.length} more do`
  return `${accepted.length} of ${recipients.length} recipients ${accepted.length === 1 ? 'has' : 'have'} it, and ${rest} not yet`
}

function sayDue(facts: MailFacts, since: string): Said {
  const { now, senders, ahead } = facts
  const stopping = facts.replays.find(({ state, item }) => state === 'stopping' && item === 'replayed')
  if (stopping !== undefined) {
    return {
      state: 'taken_back',
      sentence: `Not sent: replay ${stopping.id}, which put it back into the queue, is being stopped, and it becomes what it was.`,
      remedy: `fleet replay show ${stopping.id}`,
    }
  }
  const standstill = sayStandstill(senders, since, now)
  const next = { state: 'next', sentence: `Waiting: ${since}; it is the next one that is taken.` } as const
  return standstill ?? sayBehind(ahead, since) ?? next
}

function saySending({ mail, now }: MailFacts): Said {
  const handedOver = mail.handedOverAt === null ? '' : `; a server may have it since ${clock(mail.handedOverAt, now)}`
  const stranded = sayStranded(mail, { handedOver, worker: 'an e-mail worker', now })
  if (stranded !== undefined) return stranded
  const lease = mail.leasedUntil === null ? '' : `, under a lease until ${clock(mail.leasedUntil, now)}`
  return { state: 'sending', sentence: `Being sent by ${holderOf(mail, now)}${lease}${handedOver}.` }
}

function saySent({ mail, now }: MailFacts): Said {
  const last = mail.history.findLast(({ outcome }) => outcome === 'sent')
  const at = mail.sentAt ?? mail.changedAt
  const where = last?.transport ? ` to ${last.transport}` : ''
  const answer = last?.reply ? `, which answered: ${last.reply}` : ''
  const name = mail.messageId ? ` as ${mail.messageId}` : ''
  return { state: 'sent', sentence: `Sent${at ? ` at ${clock(at, now)}` : ''}${name}${where}${answer}.` }
}

function sayFailed({ mail, now, replays }: MailFacts): Said {
  const at = mail.changedAt ? ` at ${clock(mail.changedAt, now)}` : ''
  const accepted = mail.recipients.filter(({ state }) => state === 'accepted')
  const rest = mail.recipients.filter(({ state }) => state !== 'accepted')
  const waiting = replays.find(({ state, item }) => item === 'waiting' && (state === 'canary' || state === 'running'))
  const remedy =
    waiting === undefined
      ? `once the cause is mended: fleet email replay --id ${mail.id}`
      : `none is needed: it waits for its turn in replay ${waiting.id}; fleet replay show ${waiting.id}`
  if (accepted.length > 0) {
    return {
      state: 'partly_failed',
      sentence: `Failed${at} for ${rest.length} of ${mail.recipients.length} recipients (${describe(rest)}); the others have it, and a replay leaves them alone.`,
      remedy,
    }
  }
  const unknown = mail.erasedAt ? 'the answer was erased' : 'nobody has written down why'
  const why = mail.lastError?.replace(/ \(after [^()]+\)$/, '') ?? unknown
  const tries = mail.attempts === 1 ? '1 attempt' : `${mail.attempts} attempts`
  return {
    state: 'failed',
    sentence: `Failed${at} after ${tries}${mail.errorClass ? `, ${mail.errorClass}` : ''}: ${why}.`,
    remedy,
  }
}

function describe(recipients: readonly MailRecipient[]): string {
  const [first] = recipients
  if (first === undefined) return ''
  const more = recipients.length > 1 ? ` and ${recipients.length - 1} more` : ''
  return `${first.address}: ${first.reply ?? first.state}${more}`
}

function sayExpired({ mail, now }: MailFacts): Said {
  const end = mail.notAfter === null ? '' : `: it was not to go out after ${clock(mail.notAfter, now)}`
  return { state: 'expired', sentence: `Expired${mail.changedAt ? ` at ${clock(mail.changedAt, now)}` : ''}${end}.` }
}

function sayCancelled({ mail, now, acts, notification }: MailFacts): Said {
  const at = mail.changedAt ? ` at ${clock(mail.changedAt, now)}` : ''
  const who = whoDid(acts, 'cancel')
  if (who === undefined && notification?.status === 'cancelled') {
    return {
      state: 'cancelled',
      sentence: `Cancelled${at} together with notification ${notification.id}, which it carries.`,
      remedy: `fleet notification why ${notification.id}`,
    }
  }
  return {
    state: 'cancelled',
    sentence: `Cancelled${at} ${who ?? 'by a program'}.`,
    remedy: `to send it after all: fleet email replay --id ${mail.id}`,
  }
}

/** `by ann@host`; undefined where the audit log does not know. */
export function whoDid(acts: readonly Act[], action: string): string | undefined {
  const act = acts.findLast((entry) => entry.action === action)
  return act && `by ${act.actor}`
}
