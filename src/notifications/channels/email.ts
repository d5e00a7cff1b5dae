import { parseRecipients } from '../../email/addresses.ts'
import { readLocale } from '../../email/locale.ts'
import { oneLine } from '../../email/one-line.ts'
import { shorten } from '../../email/shorten.ts'
import { readWebLink } from '../../email/web-link.ts'
import { fewNotices, listSubjects } from '../digest-subjects.ts'
import { readExtras } from '../extras.ts'
import type { Notice, Told } from '../notice.ts'

/** What `email_queue` is given of an e-mail notification, by the names of its columns. Such a mail is always rendered from a template. */
export interface MailDraft {
  readonly recipient_to: string
  /** For lists of the queue; the mail's own comes of the template. */
  readonly subject: string
  readonly body: ''
  readonly html: null
  readonly template_id: string
  /** An object that JSON can write. */
  readonly variables: Readonly<Record<string, unknown>>
  /** 1, 3, 5 or 7. */
  readonly priority: number
}

/** The words of a notification's `error_class` for which no mail is made of it. */
export type MailSkip = 'no_recipient' | 'recipient_invalid' | 'message_empty' | 'template_unknown'

export type MailOfNotice =
  | { readonly kind: 'mail'; readonly mail: MailDraft }
  | { readonly kind: 'skipped'; readonly errorClass: MailSkip; readonly reason: string }

/** The widths of the columns of `email_queue`, in characters. */
const widths = { recipient: 255, subject: 500, template: 100 } as const

/** Some mail programs cut off what comes after 100 kB of HTML. */
const longestList = { subjects: 500, characters: 36_000, between: 10 }

/** The layout for what has no template of its own. */
const standardTemplate = 'notification'

/**
 * The mail that a notice becomes: rendered from the template that `event_data.template` names, with `event_data` as its variables, or else
 * from subject and message in the standard layout. A digest is always in the standard layout, whatever templates its notices name.
 */
export function mailOf(notice: Notice): MailOfNotice {
  const recipient = readRecipient(notice.recipient)
  if ('reason' in recipient) return { kind: 'skipped', ...recipient }
  const content = contentOf(notice)
  if ('reason' in content) return { kind: 'skipped', ...content }
  const subject = shorten(oneLine(notice.subject ?? ''), widths.subject)
  return {
    kind: 'mail',
    mail: { recipient_to: recipient.to, subject, body: '', html: null, priority: notice.prio, ...content },
  }
}

interface Skip {
  readonly errorClass: MailSkip
  readonly reason: string
}

function readRecipient(to: string | null): { readonly to: string } | Skip {
  const { recipients, faults } = parseRecipients(to)
  const [fault] = faults
  if (to === null || (recipients.length === 0 && !fault)) {
    return {
      errorClass: 'no_recipient',
      reason: 'Neither event_data.to nor the contact of a company says whom to write to',
    }
  }
  if (recipients.length === 0 && fault) {
    return {
      errorClass: 'recipient_invalid',
      reason: `Not an address that can be written to: "${fault.given}" ${fault.reason}`,
    }
  }
  if ([...to].length > widths.recipient) {
    return { errorClass: 'recipient_invalid', reason: `The recipients are longer than ${widths.recipient} characters` }
  }
  return { to }
}

function contentOf(notice: Notice): Pick<MailDraft, 'template_id' | 'variables'> | Skip {
  const { data, digest, locale, prio } = notice
  const template = templateOf(notice)
  if (digest.length === 0 && template !== undefined) {
    if ([...template].length > widths.template) {
      return {
        errorClass: 'template_unknown',
        reason: `event_data.template is longer than ${widths.template} characters`,
      }
    }
    return {
      template_id: template,
      variables: { ...data, locale: readLocale(data.locale) === undefined ? locale : data.locale },
    }
  }
  const told = digest.length === 0 ? [notice] : digest
  if (told.every(isEmpty)) {
    return {
      errorClass: 'message_empty',
      reason: 'There is neither a subject nor a message, nor an image or a template',
    }
  }
  const urgent = prio === 1
  const variables =
    digest.length === 0
      ? { title: notice.subject, items: [{ ...itemOf(notice), title: null }] }
      : { title: null, ...(digest.length <= fewNotices ? { items: digest.map(itemOf) } : listOf(digest)) }
  return { template_id: standardTemplate, variables: { locale, urgent, ...variables } }
}

function templateOf({ data }: Told): string | undefined {
  return typeof data.template === 'string' && !isBlank(data.template) ? data.template.trim() : undefined
}

/** Of many notices the template shows the titles alone. */
function listOf(digest: readonly Told[]): Record<string, unknown> {
  const { listed, more } = listSubjects(digest, longestList)
  return { brief: true, items: listed.map(({ id, subject }) => ({ id, title: subject })), more }
}

/** As the template `notification` shows it. Of links, only what a browser can follow. By its id a row that is cancelled is taken out again. */
function itemOf({ id, subject, message, data }: Told): Record<string, unknown> {
  const buttons = readExtras(data).buttons.flat()
  const followed = buttons.filter(({ url }) => readWebLink(url) !== undefined)
  return { id, title: subject, message, image_url: imageOf(data), buttons: followed }
}

function isEmpty({ subject, message, data }: Told): boolean {
  return isBlank(subject) && isBlank(message) && imageOf(data) === null
}

/** Mail programs show none that comes unencrypted. */
function imageOf(data: Told['data']): string | null {
  const { imageUrl = '' } = readExtras(data)
  return /^https:/i.test(imageUrl) ? imageUrl : null
}

function isBlank(text: string | null): boolean {
  return text === null || text.trim() === ''
}
