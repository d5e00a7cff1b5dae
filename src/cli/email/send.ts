import { loadConfig } from '../../config/config.ts'
import { renderTemplate } from '../../email/render.ts'
import { databaseNow } from '../../ops/clock.ts'
import { columnWidths, type NewMail, sendMail } from '../../ops/send-mail.ts'
import type { Answer } from '../answer.ts'
import { usageError } from '../cli-error.ts'
import { type DueOptions, readDueTimes } from '../due-times.ts'
import { readJsonOption } from '../json-option.ts'
import { mailWords } from '../message-words.ts'
import { describeQueued } from '../queued.ts'
import type { Session } from '../session.ts'
import { type ContentOptions, readContent } from './content.ts'
import { readRecipients } from './recipients.ts'

export interface SendOptions extends ContentOptions, DueOptions {
  readonly to: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject?: string
  readonly variables?: string
  readonly priority: number
  readonly dedupKey?: string
  readonly whenAmbiguous?: 'resend' | 'hold'
}

export async function queueMail(session: Session, options: SendOptions): Promise<Answer> {
  const draft = await readDraft(options)
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const times = readDueTimes(options, now)
  const mail = await sendMail(db, { ...draft, ...times })
  const { id, created, status, dueAt } = mail
  return {
    document: { id, created, status, dueAt },
    text: () => describeQueued(mail, { words: mailWords, ...times, dedupKey: draft.dedupKey, now }),
  }
}

/** Everything that can be known to be wrong without the database is found before there is a connection. */
async function readDraft(options: SendOptions): Promise<Omit<NewMail, 'scheduledAt' | 'notAfter'>> {
  const recipients = readRecipients(options)
  const variables = readJsonOption('--variables', options.variables)
  const template = options.template ?? null
  if (template === null && options.variables !== undefined)
    throw usageError('--variables fill a --template, and none is given')
  const rendered = template === null ? undefined : render(template, variables)
  const subject = options.subject ?? rendered?.subject
  if (subject === undefined)
    throw usageError('the mail needs a subject', 'give --subject, or a --template that has one')
  if (/\p{Cc}/u.test(subject)) throw usageError('--subject holds a control character', 'a subject is one line')
  const { text, html } = await readContent(options)
  return {
    ...recipients,
    subject: [...subject].slice(0, columnWidths.subject).join(''),
    text,
    html,
    template,
    variables,
    priority: options.priority,
    dedupKey: options.dedupKey ?? null,
    whenAmbiguous: options.whenAmbiguous ?? null,
  }
}

/** Renders as the worker will, so that a missing variable is told to whoever can mend it. */
function render(templateId: string, variables: NewMail['variables']): { subject: string } {
  const { defaultLocale } = loadConfig()
  const rendered = renderTemplate({ templateId, variables, defaultLocale })
  if (rendered.kind === 'refused') throw usageError(`--template: ${rendered.reason}`)
  return rendered
}
