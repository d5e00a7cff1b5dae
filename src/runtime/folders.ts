import { resolve } from 'node:path'

export const projectFolder = resolve(import.meta.dirname, '../..')

/** The embedded database, the local mailbox: what `npm start` keeps. */
export const homeFolder = resolve(projectFolder, '.fleet')

/** Where mail goes as `.eml` files when no server is configured, or by `SMTP_URL=mailbox:`. */
export const mailboxFolder = resolve(homeFolder, 'mailbox')

/** Where Telegram messages go as text files for `TELEGRAM_API_ROOT=outbox:`, and on the embedded database without a bot. */
export const outboxFolder = resolve(homeFolder, 'outbox')
