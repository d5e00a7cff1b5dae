import { explainMail } from '../../ops/why/mail-explanation.ts'
import { readMailFacts } from '../../ops/why/mail-facts.ts'
import type { Answer } from '../answer.ts'
import { mailWords, unknownMessages } from '../message-words.ts'
import type { Session } from '../session.ts'
import { answerWhy } from './why.ts'

export async function whyMail(session: Session, id: number): Promise<Answer> {
  const facts = await readMailFacts(await session.openDatabase(), id)
  if (facts === undefined) throw unknownMessages(mailWords, [id])
  return answerWhy(explainMail(facts), facts)
}
