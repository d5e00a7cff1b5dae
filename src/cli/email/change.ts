import { cancel } from '../../ops/cancel-mails.ts'
import type { MailFilter } from '../../ops/mail-filter.ts'
import { release } from '../../ops/release-mails.ts'
import type { StatusChange } from '../../ops/status-change.ts'
import type { Answer } from '../answer.ts'
import { changeMessages } from '../change.ts'
import type { ConsentOptions } from '../consent.ts'
import { mailWords } from '../message-words.ts'
import type { Session } from '../session.ts'
import { type MailFilterOptions, toMailFilter } from './filter-options.ts'

export type ChangeMailsOptions = MailFilterOptions & ConsentOptions

const changes = { release, cancel } as const satisfies Record<string, StatusChange<MailFilter>>

export async function changeMails(
  session: Session,
  action: keyof typeof changes,
  options: ChangeMailsOptions,
): Promise<Answer> {
  return changeMessages(session, { change: changes[action], words: mailWords, toFilter: toMailFilter }, options)
}
