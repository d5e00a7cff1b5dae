import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { databaseNow } from '../../ops/clock.ts'
import { type Created, createReplay } from '../../ops/replays/create-replay.ts'
import { previewReplay, type ReplayPreview } from '../../ops/replays/preview-replay.ts'
import type { Replay, ReplayRequest } from '../../ops/replays/replay.ts'
import { readReplayResults } from '../../ops/replays/replay-results.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { usageError } from '../cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import { givenFilters } from '../filter-options.ts'
import { mailWords, unknownMessages } from '../message-words.ts'
import { type Moment, momentAfter } from '../moments.ts'
import { followReplay } from '../replay/follow.ts'
import type { Session } from '../session.ts'
import { type MailFilterOptions, toMailFilter } from './filter-options.ts'
import { answerPreview, answerReplay, describeMeant, warnOfDuplicates } from './replay-report.ts'

export interface ReplayMailsOptions extends MailFilterOptions, ConsentOptions {
  readonly rate?: number
  readonly canary?: number
  readonly setPriority?: number
  readonly notAfter?: Moment
  readonly resetAttempts: boolean
  readonly includeSent?: boolean
  readonly reason?: string
}

/** Puts mails back into the queue as a replay, and stays until all of them are. */
export async function replayMails(session: Session, options: ReplayMailsOptions): Promise<Answer> {
  const filters = givenFilters(options)
  if (filters.length === 0)
    throw usageError('say which mails to replay', 'with --id, or with filters: fleet email replay --help')
  if (options.status?.includes('sent') && options.includeSent !== true)
    throw usageError('mail that was sent is sent again with --include-sent only', 'whoever has it gets it twice')
  // Who names every message by its id has said which.
  const mustAsk = filters.some((name) => name !== 'id')
  if (mustAsk) requireSomebody(session, options, 'this may change more than one mail')
  const db = await session.openDatabase()
  const request = toRequest(options, await databaseNow(db))
  const preview = () => session.progress('Looking for mails', () => previewReplay(db, request))
  if (options.dryRun === true) return answerPreview(await preview(), request)
  if (options.yes !== true && (mustAsk || request.includesSent)) await ask(session, await preview(), request)
  const created = await session.progress('Writing down which mails', () => createReplay(db, request))
  if (created.id === undefined) return answerNothing(session, db, created, request)
  return finish(db, created, await followReplay(session, db, created.id))
}

function toRequest(options: ReplayMailsOptions, now: Date): ReplayRequest {
  const { limit, rate, canary, setPriority, notAfter, resetAttempts, includeSent, reason } = options
  const end = notAfter && momentAfter(now, notAfter)
  if (end && end <= now) throw usageError('--not-after is past', 'give a time to come, or a duration such as 2h')
  return {
    filter: toMailFilter(options, now),
    ...{ limit, canary, reason, perSecond: rate, priority: setPriority, notAfter: end },
    keepsAttempts: !resetAttempts,
    includesSent: includeSent === true,
    actor: currentActor(),
    fingerprint: fingerprintOf(options),
  }
}

/** As it was given: `--since 2h` is the same command an hour later. */
function fingerprintOf({ yes: _, dryRun: __, ...options }: ReplayMailsOptions): string {
  const given = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(given)).digest('hex')
}

async function ask(session: Session, preview: ReplayPreview, request: ReplayRequest): Promise<void> {
  const warning = warnOfDuplicates(preview)
  if (preview.count === 0 || (preview.count === 1 && warning === undefined)) return
  if (warning !== undefined) {
    requireSomebody(session, {}, 'this may send mail twice')
    session.say(warning)
  }
  await requireYes(session, {}, `Replay ${describeMeant(preview, request)}?`)
}

/** Nothing is left to put back. Where a replay that goes on has it, that one is gone on with: the command was given twice. */
async function answerNothing(
  session: Session,
  db: Kysely<DB>,
  created: Created,
  { filter }: ReplayRequest,
): Promise<Answer> {
  const { skipped, others } = created
  const [running] = others
  if (running !== undefined) {
    session.say(`Replay ${running} has all of it already, and goes on.`)
    return finish(db, created, await followReplay(session, db, running))
  }
  const unknown = skipped.find(({ reason }) => reason === 'unknown')
  if (unknown !== undefined && unknown.count === new Set(filter.ids).size) throw unknownMessages(mailWords, unknown.ids)
  return answerReplay({ replay: undefined, results: undefined, skipped })
}

async function finish(db: Kysely<DB>, { skipped }: Created, replay: Replay): Promise<Answer> {
  const results = await readReplayResults(db, replay)
  return answerReplay({ replay, results, skipped })
}
