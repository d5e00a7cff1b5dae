import type { Locale } from '../email/locale.ts'

/** `storage_quota_gb` counts in these: 1 GB is 1,073,741,824 bytes, here as in the platform's own pages. */
const bytesPerGb = 1024 ** 3

const units: Readonly<Record<Locale, readonly string[]>> = {
  ru: ['Б', 'КБ', 'МБ', 'ГБ', 'ТБ', 'ПБ'],
  en: ['B', 'KB', 'MB', 'GB', 'TB', 'PB'],
}

export function gigabytes(count: number): number {
  return count * bytesPerGb
}

/** `8.2 GB`, `8,2 ГБ`: at most one decimal, rounded down, so that what is not full does not look so. */
export function formatBytes(bytes: number, locale: Locale): string {
  const known = units[locale]
  const power = bytes < 1 ? 0 : Math.min(known.length - 1, Math.floor(Math.log2(bytes) / 10))
  const number = Math.floor((bytes / 1024 ** power) * 10) / 10
  return `${number.toLocaleString(locale)}\u00A0${known[power]}`
}
