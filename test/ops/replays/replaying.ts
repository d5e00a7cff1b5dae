import type { Kysely } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import { carryOnReplay } from '../../../src/ops/replays/carry-on.ts'
import { type Created, createReplay } from '../../../src/ops/replays/create-replay.ts'
import { previewReplay, type ReplayPreview } from '../../../src/ops/replays/preview-replay.ts'
import type { ReplayRequest } from '../../../src/ops/replays/replay.ts'
import { type ReplayResults, readReplayResults } from '../../../src/ops/replays/replay-results.ts'
import type { SkippedMessages } from '../../../src/ops/skipped-messages.ts'

export function toRequest(request: Partial<ReplayRequest> = {}): ReplayRequest {
  return {
    filter: {},
    actor: 'ann@console',
    fingerprint: 'this command',
    keepsAttempts: false,
    includesSent: false,
    ...request,
  }
}

export interface Replayed {
  readonly count: number
  readonly byStatus: Readonly<Record<string, number>>
  readonly archived: number
  readonly skipped: readonly SkippedMessages[]
}

/** Makes a replay and puts all of it back. */
export async function replayAll(db: Kysely<DB>, request: Partial<ReplayRequest> = {}): Promise<Replayed> {
  const created = await createReplay(db, toRequest(request))
  const results = created.id === undefined ? undefined : await goOn(db, created.id)
  return report(created, results)
}

async function goOn(db: Kysely<DB>, id: number): Promise<ReplayResults> {
  return readReplayResults(db, await carryOnReplay(db, id, { signal: new AbortController().signal }))
}

function report({ skipped }: Created, results: ReplayResults | undefined): Replayed {
  const { replayed = 0, byStatus = {}, archived = 0 } = results ?? {}
  return { count: replayed, byStatus, archived, skipped: [...skipped, ...(results?.skipped ?? [])] }
}

export function preview(db: Kysely<DB>, request: Partial<ReplayRequest> = {}): Promise<ReplayPreview> {
  return previewReplay(db, toRequest(request))
}
