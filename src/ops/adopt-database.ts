import { type Kysely, sql, type Transaction } from 'kysely'
import { differencesFrom } from '../db/installation.ts'
import { type Installation, readActual, readStamp, stamp } from '../db/installation-store.ts'
import type { DB } from '../db/schema.ts'
import { recordAudit } from './audit.ts'
import { requestStopWithin } from './replays/stop-replay.ts'
import { wakeSenders } from './senders.ts'

export interface AdoptionRequest {
  /** FLEET_ENVIRONMENT of the workers that are to send from it. */
  readonly environment: string | undefined
  /** The moment that the data is of: what may already have gone out since then is held. */
  readonly heldSince: Date | undefined
}

export interface Adoption {
  /** Null where the database has no stamp yet. */
  readonly stamp: Installation | null
  readonly actual: Installation
  /** Clauses for people; none where the stamp fits already. */
  readonly differences: readonly string[]
  /** What may already have gone out. */
  readonly held: { readonly mails: number; readonly notifications: number }
  /** Replays that were going on at that moment, and are stopped: what they put back afterwards may have gone out. */
  readonly stoppedReplays: readonly number[]
}

type Effects = Pick<Adoption, 'held' | 'stoppedReplays'>

const noEffects: Effects = { held: { mails: 0, notifications: 0 }, stoppedReplays: [] }

/** What `adoptDatabase` would do now. Only reads. */
export async function previewAdoption(db: Kysely<DB>, request: AdoptionRequest): Promise<Adoption> {
  const { heldSince } = request
  const found = await compare(db, request)
  if (heldSince === undefined) return { ...found, ...noEffects }
  const { rows } = await sql<Adoption['held']>`
    SELECT (SELECT count(*)::int FROM email_queue WHERE ${mayHaveGoneOut(heldSince)}) AS mails,
           (SELECT count(*)::int FROM notifications WHERE ${mayHaveGoneOut(heldSince)} OR ${wasDecidedAgain(heldSince)})
             AS notifications`.execute(db)
  return { ...found, held: rows[0] ?? noEffects.held, stoppedReplays: await listGoingOn(db) }
}

/** Stamps the database as what it is: from the commit on the workers of this environment send from it. */
export async function adoptDatabase(
  db: Kysely<DB>,
  request: AdoptionRequest & { readonly actor: string },
): Promise<Adoption> {
  return db.transaction().execute(async (transaction) => {
    const { environment, heldSince, actor } = request
    const found = await compare(transaction, request)
    const { held, stoppedReplays } = heldSince === undefined ? noEffects : await keepBack(transaction, heldSince, actor)
    await stamp(transaction, { environment, by: actor, over: true })
    const changes = {
      environment: environment ?? null,
      differences: [...found.differences],
      held_since: heldSince?.toISOString() ?? null,
      held,
      stopped_replays: [...stoppedReplays],
    }
    await recordAudit(transaction, { actor, action: 'adopt', entityType: 'database', entityId: 0, changes })
    await wakeSenders(transaction)
    return { ...found, held, stoppedReplays }
  })
}

async function compare(db: Kysely<DB>, { environment }: AdoptionRequest): Promise<Omit<Adoption, keyof Effects>> {
  const known = await readStamp(db)
  const actual = await readActual(db, environment)
  return { stamp: known ?? null, actual, differences: known === undefined ? [] : differencesFrom(known, actual) }
}

/** It was in the queue then, and has become due since; a worker that had it in hand is not there any more. */
function mayHaveGoneOut(since: Date) {
  return sql<boolean>`
    (status IN ('pending', 'sending') AND enqueued_at <= ${since} AND due_at <= fleet.utc_now() AT TIME ZONE 'UTC')`
}

/** The sweep has forgotten with the database what it had decided, and decided it again. */
function wasDecidedAgain(since: Date) {
  return sql<boolean>`(status IN ('pending', 'sending') AND enqueued_at > ${since} AND event_data ? 'notice')`
}

async function listGoingOn(db: Kysely<DB>): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id::int FROM fleet.replays WHERE state IN ('canary', 'running') ORDER BY id`.execute(db)
  return rows.map(({ id }) => id)
}

/** A replay would put back once more what it put back in the time that is lost. */
async function keepBack(transaction: Transaction<DB>, since: Date, actor: string): Promise<Effects> {
  const held = await hold(transaction, since)
  const stoppedReplays = await listGoingOn(transaction)
  for (const id of stoppedReplays) await requestStopWithin(transaction, { id, actor })
  return { held, stoppedReplays }
}

async function hold(transaction: Transaction<DB>, since: Date): Promise<Adoption['held']> {
  const reason = `It may have gone out already: the database is as it was at ${since.toISOString()}`
  const holding = sql`
    status = 'held', error_class = 'may_have_gone_out', last_error = ${reason}, leased_until = NULL,
    claim_token = nextval('fleet.claim_token_seq')`
  const mails = await sql`UPDATE email_queue SET ${holding} WHERE ${mayHaveGoneOut(since)}`.execute(transaction)
  const notifications = await sql`
    UPDATE notifications SET ${holding}
     WHERE ${mayHaveGoneOut(since)} OR ${wasDecidedAgain(since)}`.execute(transaction)
  return { mails: Number(mails.numAffectedRows ?? 0), notifications: Number(notifications.numAffectedRows ?? 0) }
}
