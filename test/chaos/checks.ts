import { acceptances, ambiguousOf, type Evidence, name, type Row, type Violation } from './evidence.ts'

export interface Tally {
  readonly rows: number
  readonly accepted: number
  readonly lost: number
  /** Acceptances of a piece beside the first. */
  readonly duplicates: number
  readonly ambiguous: number
  readonly held: number
}

/** The guarantees of every queue, each with a function that tells what breaks it. */
const checks = {
  'every message is delivered, or refused for good, or held where that is allowed': (evidence: Evidence) => [
    ...evidence.rows.flatMap((row) => lossOf(row, evidence)),
    ...missing(evidence),
  ],
  'every duplicate is in the ledger as ambiguous': (evidence: Evidence) =>
    evidence.rows.flatMap((row) => {
      const most = 1 + ambiguousOf(row, evidence)
      return acceptances(row, evidence)
        .filter(([, times]) => times > most)
        .map(([piece, times]) => `${name(row)}: ${piece} accepted ${times} times, ambiguous ${most - 1} times`)
    }),
  'a process that ends has twice its connections as duplicates at most': (evidence: Evidence) => {
    const { bereft, connections } = evidence
    const again = evidence.rows.filter((row) => acceptances(row, evidence).some(([, times]) => times > 1))
    if (bereft === 0 || again.length <= bereft * 2 * connections) return []
    return [
      `${bereft} ended, with ${connections} connections each, and ${again.length} rows came again: ${list(again)}`,
    ]
  },
  'what is to be held when ambiguous never comes twice': (evidence: Evidence) =>
    evidence.rows
      .filter((row) => row.mayBeHeld && acceptances(row, evidence).some(([, times]) => times > 1))
      .map((row) => `${name(row)} came more than once`),
  'every sent row is in the ledger as sent, once for each claim': (evidence: Evidence) => {
    const sent = evidence.ledger.filter(({ outcome }) => outcome === 'sent')
    const ids = new Set(sent.map(({ rowId }) => rowId))
    const twice = sent.filter(({ token }, at) => sent.findIndex((other) => other.token === token) !== at)
    return [
      ...evidence.rows
        .filter(({ id, status }) => status === 'sent' && !ids.has(id))
        .map((row) => `${name(row)} is not`),
      ...twice.map(({ rowId, token }) => `row ${rowId} is there twice for claim ${token}`),
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
  return Object.entries(checks).flatMap(([check, find]) => find(evidence).map((text) => ({ check, evidence: text })))
}

export function tally(evidence: Evidence): Tally {
  const times = [...evidence.deliveries.values()].flatMap((counts) => [...counts.values()])
  const lost = evidence.rows.filter((row) => lossOf(row, evidence).length > 0).length + missing(evidence).length
  return {
    rows: evidence.rows.length,
    accepted: times.reduce((sum, count) => sum + count, 0),
    lost,
    duplicates: times.reduce((sum, count) => sum + count - 1, 0),
    ambiguous: evidence.ledger.filter(({ outcome }) => outcome === 'ambiguous').length,
    held: evidence.rows.filter(({ status }) => status === 'held').length,
  }
}

function lossOf(row: Row, evidence: Evidence): string[] {
  const accepted = new Set(acceptances(row, evidence).map(([piece]) => piece))
  const refused = row.refusable.some((what) => evidence.refused.has(what))
  switch (row.status) {
    case 'sent':
      return row.pieces
        .filter((piece) => !accepted.has(piece))
        .map((piece) => `${name(row)} is sent, and ${piece} is not`)
    case 'handed on':
      return []
    case 'failed':
    case 'skipped':
      return refused ? [] : [`${name(row)} ${row.status}, and nobody had refused it for good: ${row.lastError}`]
    case 'held':
      return isRightlyHeld(row, evidence) ? [] : [`${name(row)} is held without need: ${row.lastError}`]
    default:
      return [`${name(row)} is still ${row.status}: ${row.lastError}`]
  }
}

/** Held by its own wish after an ambiguous attempt, or because three workers died with it. */
function isRightlyHeld(row: Row, evidence: Evidence): boolean {
  return row.rescues >= 3 || (row.mayBeHeld && ambiguousOf(row, evidence) > 0)
}

function missing({ confirmed, rows }: Evidence): string[] {
  const there = new Set(rows.map(({ id }) => id))
  return confirmed.filter((id) => !there.has(id)).map((id) => `row ${id} is gone, though its INSERT was confirmed`)
}

function list(rows: readonly Row[]): string {
  return rows.map(({ id }) => id).join(' ')
}
