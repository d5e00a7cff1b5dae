import { escapeHtml } from '../../../email/escape-html.ts'
import { escapeMarkup, plainText, readMarkup } from '../../../telegram/markup.ts'
import { fewNotices, listSubjects } from '../../digest-subjects.ts'
import { type Button, type Extras, readExtras } from '../../extras.ts'
import type { Notice, Told } from '../../notice.ts'
import { splitMarkup } from './split.ts'

/** One message of Telegram. */
export interface Part {
  /** In parse mode HTML. Empty only below an image. */
  readonly html: string
  readonly imageUrl: string | undefined
  readonly buttons: readonly (readonly Button[])[]
}

export interface Composed {
  /** In order; none where there is nothing to say. */
  readonly parts: readonly Part[]
  /** What could not be used of `event_data`. */
  readonly leftOut: readonly string[]
}

/** What Telegram takes, in UTF-16 units of the text as it reads. */
export const longestText = 4_096
export const longestCaption = 1_024

/** Of a list of subjects: what the heading and the count of the rest leave. */
const longestList = longestText - 100
const bullet = '• '
/** So few notices are never cut down to their subjects: they are told whole, in several messages where one is too short, as one would be. */
const neverCut = 5

const words = {
  ru: {
    digest: (count: number) => `Уведомлений: ${count}`,
    more: (count: number) => `… и ещё ${count}`,
    image: 'Изображение',
  },
  en: {
    digest: (count: number) => `${count} notifications`,
    more: (count: number) => `… and ${count} more`,
    image: 'Image',
  },
}

/**
 * What Telegram is given of a notice: the subject in bold, then the message with its own markup; the image above, the buttons below. A
 * digest tells its notices, with their buttons and images as links, or lists their subjects where they are many or too long for one message.
 */
export function composeMessage(notice: Notice): Composed {
  const { html, imageUrl, buttons, leftOut } = notice.digest.length > 0 ? digest(notice) : single(notice)
  const limits = { first: imageUrl === undefined ? longestText : longestCaption, rest: longestText }
  const texts = splitMarkup(html, limits)
  if (imageUrl !== undefined && texts.length === 0) texts.push('')
  const parts = texts.map((text, index) => ({
    html: text,
    imageUrl: index === 0 ? imageUrl : undefined,
    buttons: index === texts.length - 1 ? buttons : [],
  }))
  return { parts, leftOut }
}

function single(notice: Notice): Extras & { readonly html: string } {
  return { ...readExtras(notice.data), html: paragraphs([title(notice), notice.message ?? '']) }
}

function digest(notice: Notice): Extras & { readonly html: string } {
  const { digest: told } = notice
  const whole = told.length <= fewNotices ? tellAll(notice) : undefined
  if (whole !== undefined && (told.length <= neverCut || fits(whole.html))) return whole
  return { html: tellSubjects(notice), imageUrl: undefined, buttons: [], leftOut: [] }
}

function tellAll({ digest: told, locale }: Notice): Extras & { readonly html: string } {
  const read = told.map((one) => ({ one, extras: readExtras(one.data) }))
  return {
    html: paragraphs([
      heading(told, locale),
      ...read.map(({ one, extras }) => entry(one, links(extras, words[locale].image))),
    ]),
    imageUrl: undefined,
    buttons: [],
    leftOut: read.flatMap(({ extras }) => extras.leftOut),
  }
}

function fits(html: string): boolean {
  return splitMarkup(html, { first: longestText, rest: longestText }).length <= 1
}

function tellSubjects({ digest: told, locale }: Notice): string {
  const { listed, more } = listSubjects(told, {
    subjects: told.length,
    characters: longestList,
    between: bullet.length + 1,
  })
  const lines = listed.map(({ subject }) => `${bullet}${escapeMarkup(subject)}`)
  return paragraphs([heading(told, locale), [...lines, ...(more > 0 ? [words[locale].more(more)] : [])].join('\n')])
}

function heading(told: readonly Told[], locale: Notice['locale']): string {
  return `<b>${escapeMarkup(words[locale].digest(told.length))}</b>`
}

/** Wrong markup of one notice must not spoil the others. */
function entry(told: Told, below: string): string {
  const message = told.message ?? ''
  const safe = readMarkup(message) === undefined ? escapeMarkup(plainText(message)) : message
  return [title(told), safe.trim(), below].filter((line) => line !== '').join('\n')
}

function links({ imageUrl, buttons }: Extras, imageLabel: string): string {
  const all = [...(imageUrl === undefined ? [] : [{ text: imageLabel, url: imageUrl }]), ...buttons.flat()]
  return all.map(({ text, url }) => `<a href="${escapeHtml(url)}">${escapeMarkup(text)}</a>`).join(' · ')
}

function title({ subject }: Told): string {
  const text = subject?.trim() ?? ''
  return text === '' ? '' : `<b>${escapeMarkup(text)}</b>`
}

function paragraphs(texts: readonly string[]): string {
  return texts.filter((text) => text.trim() !== '').join('\n\n')
}
