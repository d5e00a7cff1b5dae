import type { Evidence, MailRow } from './evidence.ts'

export interface Violation {
  /** The guarantee that does not hold. */
  readonly check: keyof typeof checks
  readonly evidence: string
}

export interface Tally {
  readonly mails: number
  readonly accepted: number
  readonly lost: number
  /** Acceptances of a mail for a recipient beside the first. */
  readonly duplicates: number
  readonly ambiguous: number
  readonly held: number
}

/** The guarantees, each with a function that tells what breaks it. */
const checks = {
  'every mail is delivered, or refused for good, or held where that is allowed': (evidence: Evidence) => [
    ...evidence.rows.flatMap((row) => lossOf(row, evidence)),
    ...missing(evidence),
  ],
  'every duplicate is in the ledger as ambiguous': (evidence: Evidence) =>
    evidence.rows.flatMap((row) => {
      const most = 1 + ambiguousOf(row, evidence)
      return acceptances(row, evidence)
        .filter(([, times]) => times > most)
        .map(([to, times]) => `${name(row)}: accepted ${times} times for ${to}, ambiguous ${most - 1} times`)
    }),
  'a process that ends has twice its connections as duplicates at most': (evidence: Evidence) => {
    const { bereft, connections } = evidence
    const again = evidence.rows.filter((row) => acceptances(row, evidence).some(([, times]) => times > 1))
    if (bereft === 0 || again.length <= bereft * 2 * connections) return []
    return [
      `${bereft} ended, with ${connections} connections each, and ${again.length} mails came again: ${list(again)}`,
    ]
  },
  'what is to be held when ambiguous never comes twice': (evidence: Evidence) =>
    evidence.rows
      .filter((row) => row.mayBeHeld && acceptances(row, evidence).some(([, times]) => times > 1))
      .map((row) => `${name(row)} came more than once`),
  'every sent mail is in the ledger as sent, once for each claim': (evidence: Evidence) => {
    const sent = evidence.ledger.filter(({ outcome }) => outcome === 'sent')
    const ids = new Set(sent.map(({ emailId }) => emailId))
    const twice = sent.filter(({ token }, at) => sent.findIndex((other) => other.token === token) !== at)
    return [
      ...evidence.rows
        .filter(({ id, status }) => status === 'sent' && !ids.has(id))
        .map((row) => `${name(row)} is not`),
      ...twice.map(({ emailId, token }) => `mail ${emailId} is there twice for claim ${token}`),
    ]
  },
  'no hand-over stays open': ({ marks }: Evidence) => marks.map((token) => `claim ${token} has one`),
  'no process ends by itself': ({ departures, bugs }: Evidence) => [
    ...departures.map(
      ({ pid, exit, ...said }) => `${pid} ended with ${exit.code ?? exit.signal}: ${JSON.stringify(said)}`,
    ),
    ...bugs,
  ],
} as const

export function findViolations(evidence: Evidence): Violation[] {
  return Object.entries(checks).flatMap(([check, find]) =>
    find(evidence).map((text) => ({ check: check as keyof typeof checks, evidence: text })),
  )
}

export function tally(evidence: Evidence): Tally {
  const times = [...evidence.deliveries.values()].flatMap((counts) => [...counts.values()])
  const lost = evidence.rows.filter((row) => lossOf(row, evidence).length > 0).length + missing(evidence).length
  return {
    mails: evidence.rows.length,
    accepted: times.reduce((sum, count) => sum + count, 0),
    lost,
    duplicates: times.reduce((sum, count) => sum + count - 1, 0),
    ambiguous: evidence.ledger.filter(({ outcome }) => outcome === 'ambiguous').length,
    held: evidence.rows.filter(({ status }) => status === 'held').length,
  }
}

function lossOf(row: MailRow, evidence: Evidence): string[] {
  const accepted = new Set(acceptances(row, evidence).map(([to]) => to))
  const refused = row.recipients.some((to) => evidence.refused.has(to))
  const without = row.recipients.filter((to) => !accepted.has(to))
  switch (row.status) {
    case 'sent':
      return without.map((to) => `${name(row)} is sent, and ${to} has not got it`)
    case 'failed':
      return refused ? [] : [`${name(row)} failed, and nobody had refused it for good: ${row.lastError}`]
    case 'held':
      return isRightlyHeld(row, evidence) ? [] : [`${name(row)} is held without need: ${row.lastError}`]
    default:
      return [`${name(row)} is still ${row.status}: ${row.lastError}`]
  }
}

/** Held by its own wish after an ambiguous attempt, or because three workers died with it. */
function isRightlyHeld(row: MailRow, evidence: Evidence): boolean {
  return row.rescues >= 3 || (row.mayBeHeld && ambiguousOf(row, evidence) > 0)
}

function missing({ confirmed, rows }: Evidence): string[] {
  const there = new Set(rows.map(({ id }) => id))
  return confirmed.filter((id) => !there.has(id)).map((id) => `mail ${id} is gone, though its INSERT was confirmed`)
}

function ambiguousOf({ id }: MailRow, { ledger }: Evidence): number {
  return ledger.filter(({ emailId, outcome }) => emailId === id && outcome === 'ambiguous').length
}

function acceptances({ messageId }: MailRow, { deliveries }: Evidence): [string, number][] {
  return [...(deliveries.get(messageId ?? '') ?? [])]
}

function name({ id, messageId }: MailRow): string {
  return `mail ${id} ${messageId}`
}

function list(rows: readonly MailRow[]): string {
  return rows.map(({ id }) => id).join(' ')
}
