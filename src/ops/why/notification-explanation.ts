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
import { whoDid } from './mail-explanation.ts'
import type { NotificationFacts } from './notification-facts.ts'

/** Every state that a notification can be explained by, in the order of its life. */
export const notificationStates = [
  'scheduled',
  'quiet_hours',
  'to_be_tried_again',
  'paused',
  'no_worker',
  'blocked',
  'outage',
  'channel_waits',
  'behind_in_chat',
  'in_group',
  'behind',
  'next',
  'in_digest',
  'as_mail',
  'sending',
  'stranded',
  'sent',
  'failed',
  'skipped',
  'expired',
  'cancelled',
  'held',
  'foreign',
] as const

export type NotificationState = (typeof notificationStates)[number]

interface Said {
  readonly state: NotificationState
  readonly sentence: string
  readonly remedy?: string | null
}

/** Why a notification is where it is. */
export function explainNotification(facts: NotificationFacts): Explanation<NotificationState> {
  const { notification, mail, acts } = facts
  const said = say(facts)
  // Its mail says so itself.
  const { remedy = null, state, sentence } = said.state === 'as_mail' ? said : sayErased(said, notification, facts.now)
  const evidence = byTime([
    { at: notification.enqueuedAt, text: 'queued' },
    ...attemptEvidence(notification.history),
    ...(mail?.evidence ?? []).map(({ at, text }) => ({ at, text: `its mail: ${text}` })),
    ...actEvidence(acts),
  ])
  return { state, sentence: `${sentence}${sayFallback(facts)}`, evidence, remedy }
}

function say(facts: NotificationFacts): Said {
  const { notification, mail, now } = facts
  const { status, digest } = notification
  if (digest !== null) {
    return {
      state: 'in_digest',
      sentence: `Goes out with notification ${digest.id}, which is ${digest.status}: they are told as one message.`,
      remedy: `fleet notification why ${digest.id}`,
    }
  }
  if (mail !== null && (status === 'sending' || status === 'sent' || status === 'failed')) {
    return {
      state: 'as_mail',
      sentence: `It became mail ${notification.mail?.id}. ${mail.sentence}`,
      remedy: mail.remedy,
    }
  }
  switch (status) {
    case 'pending':
      return sayWaiting(facts)
    case 'sending':
      return saySending(facts)
    case 'sent':
      return saySent(facts)
    case 'failed':
    case 'skipped':
      return sayEnded(facts)
    case 'expired':
      return {
        state: 'expired',
        sentence: `Expired at ${clock(notification.changedAt, now)}: it had not gone out in time.`,
      }
    case 'cancelled':
      return sayCancelled(facts)
    case 'held':
      return sayHeld(notification, 'notification')
    default:
      return sayForeign(notification, 'notifications')
  }
}

function sayWaiting(facts: NotificationFacts): Said {
  const { notification, now } = facts
  const due = notification.dueAt ?? notification.enqueuedAt
  if (due > now) return sayNotYet(facts, due)
  return saidWith(sayDue(facts, `due since ${clock(due, now)}`), triesOf(notification, now))
}

function sayDue(facts: NotificationFacts, since: string): Said {
  const { notification, now, senders, channelPause, chatLeader, groupLeader, ahead } = facts
  const standstill = sayStandstill(senders, since, now)
  if (standstill !== undefined) return standstill
  if (channelPause !== null) {
    const reason = channelPause.reason ?? 'nobody says why'
    return {
      state: 'channel_waits',
      sentence: `Waiting: ${since}, but ${notification.channel} takes nothing until ${clock(channelPause.until, now)}: ${reason}.`,
      remedy: 'none is needed: it goes on by itself',
    }
  }
  if (chatLeader !== null) {
    return {
      state: 'behind_in_chat',
      sentence: `Waiting: ${since}, behind notification ${chatLeader} in its chat, where one message goes out after the other.`,
      remedy: `fleet notification why ${chatLeader}`,
    }
  }
  if (groupLeader !== null) {
    return {
      state: 'in_group',
      sentence: `Waiting: ${since}; it goes out as one message with notification ${groupLeader} of its group "${notification.group}".`,
      remedy: `fleet notification why ${groupLeader}`,
    }
  }
  const others =
    notification.group === null ? '' : `, after it has waited a moment for others of its group "${notification.group}"`
  const next = {
    state: 'next',
    sentence: `Waiting: ${since}; it is taken as soon as a worker is free${others}.`,
  } as const
  return sayBehind(ahead, since) ?? next
}

function sayNotYet({ notification, now, quietHours }: NotificationFacts, due: Date): Said {
  const { scheduledAt } = notification
  const again = sayTriedAgain(notification, due, now)
  if (again !== undefined) return again
  const isPutOffTillMorning = quietHours !== null && (scheduledAt === null || due.getTime() > scheduledAt.getTime())
  if (isPutOffTillMorning) {
    const { from, until, timezone } = quietHours
    const where = timezone === null ? '' : ` in ${timezone}`
    return {
      state: 'quiet_hours',
      sentence: `Waiting for the morning: its company is not to be disturbed from ${from.slice(0, 5)} to ${until.slice(0, 5)}${where}; due at ${clock(due, now)}.`,
    }
  }
  return { state: 'scheduled', sentence: `Waiting: scheduled for ${clock(due, now)}.` }
}

function saySending({ notification, now }: NotificationFacts): Said {
  const { handedOverAt } = notification
  const handedOver = handedOverAt === null ? '' : `; the next system may have it since ${clock(handedOverAt, now)}`
  const stranded = sayStranded(notification, { handedOver, worker: 'a notifications worker', now })
  if (stranded !== undefined) return stranded
  return { state: 'sending', sentence: `Being sent by ${holderOf(notification, now)}${handedOver}.` }
}

function saySent({ notification, now }: NotificationFacts): Said {
  const { sentAt, changedAt, to, channel, history } = notification
  const reply = history.findLast(({ outcome }) => outcome === 'sent')?.reply
  const whom = to === null ? '' : ` to ${to}`
  const where = channel === 'system' ? ' in the application' : ` through ${channel}${whom}`
  return { state: 'sent', sentence: `Sent${where} at ${clock(sentAt ?? changedAt, now)}${reply ? `: ${reply}` : ''}.` }
}

function sayEnded({ notification, now }: NotificationFacts): Said {
  const { id, status, changedAt, errorClass, lastError } = notification
  const word = status === 'failed' ? 'Failed' : 'Skipped'
  const why = lastError ?? (notification.erasedAt ? 'the answer was erased' : 'nobody has written down why')
  return {
    state: status === 'failed' ? 'failed' : 'skipped',
    sentence: `${word} at ${clock(changedAt, now)}${errorClass ? `, ${errorClass}` : ''}: ${why}.`,
    remedy: `once the cause is mended: fleet notification replay --id ${id}`,
  }
}

function sayCancelled({ notification, notice, acts, now }: NotificationFacts): Said {
  const fleet =
    notice?.startsWith('lifecycle:') === true
      ? 'by a program, or by the fleet as the subscription that it is about was changed'
      : 'by a program'
  return {
    state: 'cancelled',
    sentence: `Cancelled at ${clock(notification.changedAt, now)} ${whoDid(acts, 'cancel') ?? fleet}.`,
  }
}

/** What stands in for it, and what it stands in for. */
function sayFallback({ notification }: NotificationFacts): string {
  const { fallbackFrom, fallbacks, needsFallback } = notification
  const [next] = fallbacks
  return [
    fallbackFrom === null
      ? ''
      : ` It stands in for notification ${fallbackFrom.id} (${fallbackFrom.channel}, ${fallbackFrom.status}).`,
    next === undefined ? '' : ` Notification ${next.id} (${next.channel}, ${next.status}) stands in for it.`,
    needsFallback ? ' Whether another channel is to be tried is looked at in a moment.' : '',
  ].join('')
}
