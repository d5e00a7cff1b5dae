import { loadConfig } from '../config/config.ts'
import { type Adoption, adoptDatabase, previewAdoption } from '../ops/adopt-database.ts'
import { databaseNow } from '../ops/clock.ts'
import { currentActor } from './actor.ts'
import type { Answer } from './answer.ts'
import { usageError } from './cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from './consent.ts'
import { type Moment, momentBefore } from './moments.ts'
import type { Session } from './session.ts'
import { countOf } from './words.ts'

export interface AdoptOptions extends ConsentOptions {
  readonly heldSince?: Moment
}

export async function adopt(session: Session, options: AdoptOptions): Promise<Answer> {
  requireSomebody(session, options, 'workers will send from this database')
  const { environment } = loadConfig()
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const heldSince = options.heldSince === undefined ? undefined : momentBefore(now, options.heldSince)
  if (heldSince !== undefined && heldSince > now) throw usageError('--held-since is in the future')
  const request = { environment, heldSince }
  const preview = await previewAdoption(db, request)
  if (options.dryRun === true) return answer(preview, { dryRun: true })
  if (preview.differences.length > 0 || heldSince !== undefined) {
    session.say(describe(preview))
    await requireYes(session, options, 'Send from it all the same?')
  }
  return answer(await adoptDatabase(db, { ...request, actor: currentActor() }), { dryRun: false })
}

function answer(adoption: Adoption, { dryRun }: { dryRun: boolean }): Answer {
  const { actual } = adoption
  const name = actual.environment ?? 'without a name'
  const done = `${dryRun ? 'Would stamp' : 'Stamped'} the database as ${name}.\n${describeEffects(adoption, dryRun)}`
  return {
    document: { action: 'adopt', dryRun, ...adoption },
    text: () => `${dryRun ? `${describe(adoption)}\n` : ''}${done.trimEnd()}\n`,
  }
}

function describe({ stamp, differences }: Adoption): string {
  if (stamp === null) return 'The database has no stamp yet.'
  if (differences.length === 0) return 'The database is what it is stamped as.'
  return ['The database is not what it is stamped as:', ...differences.map((text) => `- ${text}`)].join('\n')
}

function describeEffects({ held, stoppedReplays }: Adoption, dryRun: boolean): string {
  const { mails, notifications } = held
  const counts = `${countOf(mails, 'mail')} and ${countOf(notifications, 'notification')}`
  const lines = [
    mails + notifications > 0 &&
      `${dryRun ? 'Would hold' : 'Held'} ${counts} that may have gone out already: fleet email list --error-class may_have_gone_out`,
    stoppedReplays.length > 0 &&
      `${dryRun ? 'Would stop' : 'Stopped'} ${countOf(stoppedReplays.length, 'replay')} that went on at that time: fleet replay show ${stoppedReplays[0]}`,
  ]
  return lines.filter((line) => line !== false).join('\n')
}
