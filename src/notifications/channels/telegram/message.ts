import { escapeHtml } from '../../../email/escape-html.ts'
import { escapeMarkup, plainText, readMarkup } from '../../../telegram/markup.ts'
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

const words = {
  ru: { digest: (count: number) => `Уведомлений: ${count}`, image: 'Изображение' },
  en: { digest: (count: number) => `${count} notifications`, image: 'Image' },
}

/**
 * What Telegram is given of a notice: the subject in bold, then the message with its own markup; the image above, the buttons below. A
 * digest lists its notices, with their buttons and images as links.
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

function digest({ digest: told, locale }: Notice): Extras & { readonly html: string } {
  const read = told.map((one) => ({ one, extras: readExtras(one.data) }))
  const heading = `<b>${escapeMarkup(words[locale].digest(told.length))}</b>`
  return {
    html: paragraphs([heading, ...read.map(({ one, extras }) => entry(one, links(extras, words[locale].image)))]),
    imageUrl: undefined,
    buttons: [],
    leftOut: read.flatMap(({ extras }) => extras.leftOut),
  }
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
