import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { administrators } from './recipients.ts'
import type { SweepSettings } from './settings.ts'
import { lastDoneSweep } from './sweep-store.ts'

const words = {
  ru: {
    subject: 'Подписки не обработаны: слишком много изменений сразу',
    message: (changes: number, limit: number) =>
      `Проверка подписок изменила бы ${changes} записей при пределе ${limit}, поэтому не сделано ничего. ` +
      `Посмотрите, что было бы сделано: <code>fleet sweep --plan</code>. Если всё верно, разрешите один раз: <code>fleet sweep --max ${changes}</code>.`,
  },
  en: {
    subject: 'Subscriptions not swept: too many changes at once',
    message: (changes: number, limit: number) =>
      `The sweep of subscriptions would have changed ${changes} things, and ${limit} are allowed, so nothing was done. ` +
      `See what it would do: <code>fleet sweep --plan</code>. If that is right, allow it once: <code>fleet sweep --max ${changes}</code>.`,
  },
}

/** Tells the administrator, once until a pass is let through again. */
export async function alertOfFlood(
  db: Kysely<DB>,
  settings: SweepSettings,
  { changes, limit }: { readonly changes: number; readonly limit: number },
): Promise<void> {
  const incident = await lastDoneSweep(db)
  const { subject, message } = words[settings.defaultLocale]
  for (const { channel, data } of administrators(settings, ['email', 'telegram'])) {
    await db
      .insertInto('notifications')
      .values({
        type: channel,
        notification_type: 'sweep_blocked',
        priority: 'high',
        subject,
        message: message(changes, limit),
        source: 'fleet',
        service_name: 'lifecycle',
        event_data: JSON.stringify({ ...data, locale: settings.defaultLocale, notice: `sweep_blocked:${incident}` }),
        dedup_key: `sweep_blocked:${incident}:${channel}`,
        created_at: sql<Date>`fleet.utc_now()`,
      })
      .onConflict((conflict) => conflict.column('dedup_key').doNothing())
      .execute()
  }
}
