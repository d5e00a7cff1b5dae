import { explainNotification } from '../../ops/why/notification-explanation.ts'
import { readNotificationFacts } from '../../ops/why/notification-facts.ts'
import type { Answer } from '../answer.ts'
import { notificationWords, unknownMessages } from '../message-words.ts'
import type { Session } from '../session.ts'
import { answerWhy } from './why.ts'

export async function whyNotification(session: Session, id: number): Promise<Answer> {
  const facts = await readNotificationFacts(await session.openDatabase(), id)
  if (facts === undefined) throw unknownMessages(notificationWords, [id])
  return answerWhy(explainNotification(facts), facts)
}
