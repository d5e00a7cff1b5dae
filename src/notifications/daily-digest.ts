import { DateTime } from 'luxon'
import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import { insertDigest, listTrouble, listUntoldEnds, type NewDigest, nextWindow } from './daily-digest-store.ts'
import { digestText } from './daily-digest-text.ts'

export interface DailyDigestOptions {
  /** Where it goes; to neither, and nothing is written. */
  readonly adminEmail: string | undefined
  readonly adminChatId: string | undefined
  readonly locale: 'ru' | 'en'
  /** IANA name: of the times in it, and of the day that it is for. */
  readonly timeZone: string
  readonly log: Logger
}

/**
 * Tells the administrator what did not get through since the last digest, and whom the sweep could not tell of an end: as notifications of the channels that are configured, once a
 * day, however often it is asked for and by whom; nothing when there is nothing to tell. Answers how many it has written.
 */
export async function writeDailyDigest({ db }: Database, options: DailyDigestOptions): Promise<number> {
  const { locale, timeZone, log } = options
  const recipients = recipientsOf(options)
  if (recipients.length === 0) return 0
  const window = await nextWindow(db)
  const told = { trouble: await listTrouble(db, window), untold: await listUntoldEnds(db, window) }
  const kinds = told.trouble.length + told.untold.length
  if (kinds === 0) return 0
  const text = digestText(told, window, { locale, timezone: timeZone })
  const date = DateTime.fromJSDate(window.until, { zone: timeZone }).toFormat('yyyy-MM-dd')
  const written = await db.transaction().execute(async (trx) => {
    let count = 0
    for (const to of recipients) if (await insertDigest(trx, { ...to, ...text, locale, date, window })) count += 1
    return count
  })
  if (written > 0) log.info({ kinds, channels: written, ...window }, 'daily digest written')
  return written
}

/** In the same order everywhere: two that write at once then wait for each other, and never both. */
function recipientsOf({ adminEmail, adminChatId }: DailyDigestOptions): Pick<NewDigest, 'channel' | 'recipient'>[] {
  return [
    ...(adminEmail === undefined ? [] : [{ channel: 'email', recipient: { to: adminEmail } } as const]),
    ...(adminChatId === undefined ? [] : [{ channel: 'telegram', recipient: { chat_id: adminChatId } } as const]),
  ]
}
