import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'

/** What came of attempts in a window of time that ends now. */
export interface OutcomeRate {
  readonly minutes: number
  readonly sent: number
  /** Attempts that failed, for now or for good; what an outage or a limit put off says nothing about a message, and is not among them. */
  readonly failed: number
  readonly sentPerMinute: number
  /** Of those that were sent or failed: 0 to 1; null where there were none. */
  readonly failedShare: number | null
}

export interface OutcomeRates {
  /** Over 1, 15 and 60 minutes. */
  readonly windows: readonly OutcomeRate[]
  /** Sent in each of the last 60 minutes, the latest last. */
  readonly sentByMinute: readonly number[]
}

/** A row of `fleet.outcome_counts`, with the minute by its distance: 0 is the one that has begun. */
export interface CountedOutcome {
  readonly queue: string
  readonly minutesAgo: number
  readonly outcome: string
  readonly count: number
}

const windows = [1, 15, 60] as const
const now = sql<Date>`(fleet.utc_now() AT TIME ZONE 'UTC')`
const failures: readonly string[] = ['soft_failure', 'hard_failure', 'ambiguous', 'expired']

/** By queue, as `fleet.outcome_counts` names them; those of which nothing is counted are missing. */
export async function readOutcomeRates(db: Kysely<DB>): Promise<Record<string, OutcomeRates>> {
  const { rows } = await sql<CountedOutcome & { secondsIn: number }>`
    SELECT queue, outcome, sum(count)::float8 AS count,
           (extract(epoch FROM date_trunc('minute', ${now}) - minute) / 60)::int AS "minutesAgo",
           extract(epoch FROM ${now} - date_trunc('minute', ${now}))::float8 AS "secondsIn"
      FROM fleet.outcome_counts
     WHERE minute BETWEEN date_trunc('minute', ${now}) - interval '60 minutes' AND ${now}
     GROUP BY queue, minute, outcome`.execute(db)
  const queues = new Set(rows.map(({ queue }) => queue))
  return Object.fromEntries(
    [...queues].map((queue) => [
      queue,
      ratesOf(
        rows.filter((row) => row.queue === queue),
        rows[0]?.secondsIn ?? 0,
      ),
    ]),
  )
}

/** `secondsIn` of the present minute have gone by: of the oldest minute of a window as much counts as is missing of the present one. */
export function ratesOf(rows: readonly CountedOutcome[], secondsIn: number): OutcomeRates {
  const sum = (minutes: number, isMeant: (outcome: string) => boolean) =>
    rows
      .filter(({ minutesAgo, outcome }) => minutesAgo <= minutes && isMeant(outcome))
      .reduce((total, { minutesAgo, count }) => total + count * (minutesAgo < minutes ? 1 : 1 - secondsIn / 60), 0)
  return {
    windows: windows.map((minutes) => {
      const sent = Math.round(sum(minutes, (outcome) => outcome === 'sent'))
      const failed = Math.round(sum(minutes, (outcome) => failures.includes(outcome)))
      const failedShare = sent + failed === 0 ? null : failed / (sent + failed)
      return { minutes, sent, failed, sentPerMinute: sent / minutes, failedShare }
    }),
    sentByMinute: Array.from({ length: 60 }, (_, place) =>
      rows
        .filter(({ minutesAgo, outcome }) => minutesAgo === 59 - place && outcome === 'sent')
        .reduce((total, { count }) => total + count, 0),
    ),
  }
}

/** What was sent in the last 24 hours, by queue. */
export async function readSentLastDay(db: Kysely<DB>): Promise<Record<string, number>> {
  const { rows } = await sql<{ queue: string; count: number }>`
    SELECT queue, sum(count)::float8 AS count
      FROM fleet.outcome_counts
     WHERE outcome = 'sent' AND minute > now() - interval '24 hours'
     GROUP BY queue`.execute(db)
  return Object.fromEntries(rows.map(({ queue, count }) => [queue, count]))
}
