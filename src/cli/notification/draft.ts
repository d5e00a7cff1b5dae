import { loadConfig } from '../../config/config.ts'
import type { JsonObject } from '../../db/schema.ts'
import { renderTemplate } from '../../email/render.ts'
import type { ChannelName } from '../../notifications/notice.ts'
import type { NewNotification } from '../../ops/notifications/send-notification.ts'
import { usageError } from '../cli-error.ts'
import { readJsonOption } from '../json-option.ts'
import { readText, type TextOptions } from '../text-input.ts'
import { readRecipient, recipientNames } from './recipient.ts'

export interface DraftOptions extends TextOptions {
  readonly channel: ChannelName
  readonly company?: string
  readonly to?: string
  readonly subject?: string
  readonly type: string
  readonly priority: NewNotification['priority']
  readonly group?: string
  readonly dedupKey?: string
  readonly fallback?: readonly ChannelName[]
  readonly template?: string
  readonly data?: string
  readonly imageUrl?: string
  readonly button?: readonly Button[]
  readonly whenAmbiguous?: 'resend' | 'hold'
}

export interface Button {
  readonly text: string
  readonly url: string
}

export type Draft = Omit<NewNotification, 'companyId' | 'scheduledAt' | 'notAfter'>

/** Everything that can be known to be wrong without the database is found before there is a connection. */
export async function readDraft(options: DraftOptions): Promise<Draft> {
  const { channel, subject = null, template } = options
  const data = readData(options)
  requireFallbacks(options)
  requireReaders(options, data)
  if (subject !== null && /\p{Cc}/u.test(subject)) {
    throw usageError('--subject holds a control character', 'a subject is one line')
  }
  if (template !== undefined) requireTemplate(options, data)
  const message = await readText(options, {
    who: 'the notification',
    isSaidElsewhere: template !== undefined,
    mayBeEmpty: subject !== null && subject.trim() !== '',
    hint: 'give --text, --text-file or --template, or pipe it in',
  })
  return {
    channel,
    type: options.type,
    priority: options.priority,
    subject,
    message: message === '' ? null : message,
    data,
    group: options.group ?? null,
    dedupKey: options.dedupKey ?? null,
    whenAmbiguous: options.whenAmbiguous ?? null,
  }
}

/** `event_data`: what is given as JSON, and what has an option of its own. */
function readData(options: DraftOptions): JsonObject {
  const { channel, to, template, imageUrl, button, fallback } = options
  const data: JsonObject = {
    ...readJsonOption('--data', options.data),
    ...readRecipient(channel, to),
    ...(template !== undefined && { template }),
    ...(imageUrl !== undefined && { image_url: imageUrl }),
    ...(button !== undefined && { buttons: button.map(({ text, url }) => ({ text, url })) }),
    ...(fallback !== undefined && { fallback: [...fallback] }),
  }
  if (JSON.stringify(data).includes('\\u0000')) throw usageError('--data holds a NUL character')
  return data
}

function requireFallbacks({ channel, fallback = [] }: DraftOptions): void {
  if (new Set([channel, ...fallback]).size === fallback.length + 1) return
  throw usageError('--fallback names a channel twice, or the one that it is to stand in for')
}

/** The company may still lack the contact that a channel needs: that is in the database. */
function requireReaders({ channel, company, fallback = [] }: DraftOptions, data: JsonObject): void {
  if (company !== undefined) return
  const silent = [channel, ...fallback].find((name) => {
    const key = recipientNames[name]
    return key === undefined || data[key] === undefined
  })
  if (silent === undefined) return
  const key = recipientNames[silent]
  const other = key === undefined ? '' : silent === channel ? ', or --to' : `, or "${key}" in --data`
  throw usageError(`nothing says whom to tell by ${silent}`, `give --company${other}`)
}

/** Renders as the worker will, so that a missing variable is told to whoever can mend it. */
function requireTemplate({ channel, fallback = [], template = '' }: DraftOptions, data: JsonObject): void {
  if (channel !== 'email' && !fallback.includes('email')) {
    throw usageError('--template is for e-mail', 'give --channel email, or --fallback email')
  }
  const { defaultLocale } = loadConfig()
  const rendered = renderTemplate({ templateId: template, variables: data, defaultLocale })
  if (rendered.kind === 'refused') throw usageError(`--template: ${rendered.reason}`)
}
