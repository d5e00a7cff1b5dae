import { loadConfig } from '../../config/config.ts'
import { explainSubscription } from '../../ops/why/subscription-explanation.ts'
import { readSubscriptionFacts, type SubscriptionKind } from '../../ops/why/subscription-facts.ts'
import { sweepSettings } from '../../subscriptions/settings.ts'
import type { Answer } from '../answer.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import type { Session } from '../session.ts'
import { answerWhy } from './why.ts'

export async function whySubscription(session: Session, kind: SubscriptionKind, id: number): Promise<Answer> {
  const settings = sweepSettings(loadConfig())
  const facts = await readSubscriptionFacts(await session.openDatabase(), settings, { kind, id })
  if (facts === undefined) throw unknown(kind, id)
  return answerWhy(explainSubscription(facts), facts)
}

function unknown(kind: SubscriptionKind, id: number): CliError {
  const noun = kind === 'projects' ? 'project' : 'portrait'
  return new CliError(`there is no ${noun} ${id}`, {
    code: `${noun.toUpperCase()}_UNKNOWN`,
    hint: `fleet search finds ${noun}s by their names`,
    exitStatus: exitStatus.failed,
  })
}
