import type { Config } from '../config/config.ts'
import { type Locale, resolveLocale } from '../email/locale.ts'
import type { Maintenance } from '../maintenance/maintenance.ts'
import type { ChannelName } from '../notifications/notice.ts'
import { quietHours } from '../notifications/quiet-hours.ts'
import { databaseNow } from '../ops/clock.ts'
import {
  cancelOtherNotices,
  insertStorageNotice,
  listCompaniesToTell,
  type ReachedShare,
  recordReached,
  withdrawFallen,
} from './storage-notice-store.ts'
import { storageNoticeText } from './storage-notice-text.ts'

export interface StorageNoticeOptions {
  /** When notices go out, by the clock where the company is. */
  readonly hours: Config['subscriptions']['hours']
  readonly defaultLocale: Locale
  readonly defaultTimeZone: string
}

export interface StorageNotices {
  /** Companies that are told. */
  readonly told: number
  /** Shares of a quota that companies have fallen below. */
  readonly withdrawn: number
}

/** Withdraws what no longer holds, then tells each company that has reached 80, 95 or 100 % of its quota: once a crossing, of the highest. */
export async function tellStorage(maintenance: Maintenance, options: StorageNoticeOptions): Promise<StorageNotices> {
  const { db, signal, log } = maintenance
  const withdrawn = await withdrawStorageNotices(maintenance)
  const openAt = quietHours(options.defaultTimeZone, log)
  let told = 0
  for (const companyId of await listCompaniesToTell(db)) {
    signal.throwIfAborted()
    const now = await databaseNow(db)
    const share = await db.transaction().execute(async (trx) => {
      const reached = await recordReached(trx, companyId)
      if (!reached) return undefined
      await cancelOtherNotices(trx, companyId, reached.noticeId)
      const opening = openAt(
        { timezone: reached.timezone, from: options.hours.closes, until: options.hours.opens },
        now,
      )
      for (const notice of noticesOf(reached, options.defaultLocale))
        await insertStorageNotice(trx, { ...notice, companyId, scheduledAt: opening > now ? opening : null })
      return reached
    })
    if (!share) continue
    told += 1
    log.info({ companyId, percent: share.percent }, 'company is told of its storage')
  }
  return { told, withdrawn }
}

/** Cancels waiting notices of shares that companies have fallen below, and lets them be told again. */
export async function withdrawStorageNotices({ db, log }: Maintenance): Promise<number> {
  const withdrawn = await withdrawFallen(db)
  if (withdrawn > 0) log.info({ withdrawn }, 'companies have fallen below shares of their storage')
  return withdrawn
}

/** One for each way to the company; where there is none, an e-mail, which ends as skipped and is told of in the daily digest. */
function noticesOf(reached: ReachedShare, defaultLocale: Locale) {
  const { noticeId, percent, usedBytes, quotaGb, email, chatId } = reached
  const locale = resolveLocale(reached.locale, defaultLocale)
  const facts = { locale, percent, used_bytes: usedBytes, quota_gb: quotaGb }
  const channels: ChannelName[] = [
    ...(email !== null || chatId === null ? (['email'] as const) : []),
    ...(chatId !== null ? (['telegram'] as const) : []),
  ]
  return channels.map((channel) => ({ channel, noticeId, facts, ...storageNoticeText({ ...reached, locale }) }))
}
