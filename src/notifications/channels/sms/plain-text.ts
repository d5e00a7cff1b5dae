import { markupToText } from '../../../email/simple-markup.ts'

/** Far more than any SMS holds: what comes after it is not looked at. */
const mostCharacters = 5_000

/** Controls, and what is not seen but would cost the cheap encoding: the soft hyphen, the zero-width space, the byte order mark. */
const unseen = /[^\P{Cc}\n\t]|[\u00ad\u200b\ufeff]/gu

/**
 * A text with Telegram's markup as a text for an SMS: tags removed, a link as `text (address)`, entities decoded once, runs of blanks
 * and empty lines closed up. A text without markup stays what it is.
 */
export function plainText(markup: string): string {
  return tidy(markupToText(markup.slice(0, mostCharacters)))
}

function tidy(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(unseen, '')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n[ \n]*/g, '\n')
    .trim()
}
