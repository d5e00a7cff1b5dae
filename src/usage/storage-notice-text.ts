import { escapeHtml } from '../email/escape-html.ts'
import type { Locale } from '../email/locale.ts'
import { formatBytes, gigabytes } from './byte-size.ts'

export interface StorageFacts {
  readonly companyName: string
  readonly usedBytes: number
  readonly quotaGb: number
  readonly locale: Locale
}

export interface StorageNoticeText {
  readonly subject: string
  /** With Telegram's markup. */
  readonly message: string
}

const words = {
  ru: {
    filled: (percent: number) => `Хранилище заполнено на ${percent}\u00A0%`,
    full: 'Место в хранилище закончилось',
    used: (name: string, used: string, quota: string) => `${name}: занято <b>${used}</b> из ${quota}`,
    free: (free: string) => `, свободно ${free}.`,
    advice: 'Удалите то, что больше не нужно, или попросите увеличить объём.',
  },
  en: {
    filled: (percent: number) => `Storage is ${percent}% full`,
    full: 'Storage is full',
    used: (name: string, used: string, quota: string) => `${name}: <b>${used}</b> of ${quota} are used`,
    free: (free: string) => `, ${free} are free.`,
    advice: 'Delete what is no longer needed, or ask for more space.',
  },
} as const

/** Says how full a company's storage is: the share as it is, rounded down, not the threshold that it has reached. */
export function storageNoticeText({ companyName, usedBytes, quotaGb, locale }: StorageFacts): StorageNoticeText {
  const say = words[locale]
  const quotaBytes = gigabytes(quotaGb)
  const free = quotaBytes - usedBytes
  const size = (bytes: number) => formatBytes(bytes, locale)
  const used = say.used(escapeHtml(companyName), size(usedBytes), size(quotaBytes))
  return {
    subject: free > 0 ? say.filled(Math.floor((usedBytes / quotaBytes) * 100)) : say.full,
    message: `${used}${free > 0 ? say.free(size(free)) : '.'}\n\n${say.advice}`,
  }
}
