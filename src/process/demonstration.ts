import type { Kysely } from 'kysely'
import type { DB } from '../db/schema.ts'

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()

/** Three mails that show what the fleet does: a plain one, and notices in both languages. Addresses end in .example, which nobody has (RFC 2606). */
function mails() {
  const project = { company_name: 'Vertex AR Demo', entity_type: 'project', renew_url: 'https://vertex.example/renew' }
  return [
    {
      dedup_key: 'demo:hello',
      recipient_to: 'Анна Демонстрационная <anna@demo.example>',
      subject: 'It works: your first mail from the fleet',
      body: 'This row was inserted into email_queue a moment ago.\n\nThe e-mail worker heard of it, claimed it, sent it and recorded that.\n',
      priority: 1,
    },
    {
      dedup_key: 'demo:expires-soon',
      recipient_to: 'Анна Демонстрационная <anna@demo.example>',
      subject: 'Подписка скоро закончится',
      body: '',
      template_id: 'subscription_expiring_7d',
      variables: JSON.stringify({
        ...project,
        locale: 'ru',
        entity_name: 'Музей северного сияния',
        ends_at: inDays(7),
      }),
    },
    {
      dedup_key: 'demo:expired',
      recipient_to: 'John Demo <john@demo.example>',
      subject: 'Your subscription has ended',
      body: '',
      template_id: 'subscription_expired',
      variables: JSON.stringify({
        ...project,
        locale: 'en',
        timezone: 'Europe/London',
        entity_name: 'Northern Lights Museum',
        ends_at: inDays(-1),
      }),
    },
  ]
}

/** A Telegram message, which the local outbox takes. */
function notices() {
  return [
    {
      dedup_key: 'demo:telegram',
      type: 'telegram',
      notification_type: 'ar_content_created',
      priority: 'high',
      subject: 'Новый AR-контент',
      message: 'Модель <b>Музей северного сияния</b> готова: наведите камеру на афишу.',
      event_data: JSON.stringify({
        chat_id: '100200300',
        fallback: [],
        buttons: [{ text: 'Открыть', url: 'https://vertex.example/ar/17' }],
      }),
    },
  ]
}

/** Adds the demonstration mails once in a database's life. */
export async function addDemonstrationMails(db: Kysely<DB>): Promise<void> {
  await db
    .insertInto('email_queue')
    .values(mails())
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .execute()
}

/** Adds the demonstration notices once in a database's life. */
export async function addDemonstrationNotices(db: Kysely<DB>): Promise<void> {
  await db
    .insertInto('notifications')
    .values(notices())
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .execute()
}

/** Makes sure that no demonstration mail goes out once a real server is configured, also not one a killed process left in hand. */
export async function withdrawDemonstrationMails(db: Kysely<DB>): Promise<void> {
  await withdraw(db, 'email_queue')
}

/** The same for notices, once there is a real bot. */
export async function withdrawDemonstrationNotices(db: Kysely<DB>): Promise<void> {
  await withdraw(db, 'notifications')
}

async function withdraw(db: Kysely<DB>, table: 'email_queue' | 'notifications'): Promise<void> {
  await db
    .updateTable(table)
    .set({ status: 'cancelled' })
    .where('dedup_key', 'like', 'demo:%')
    .where('status', 'in', ['pending', 'sending', 'held'])
    .execute()
}
