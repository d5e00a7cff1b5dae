import { type Kysely, sql } from 'kysely'

/**
 * What projects, folders, clients and orders hold, table by table and column by column.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on each table, briefly; readers and writers go on.
 */

const tables = {
  'public.projects': {
    '': 'What a company has made with AR, under one subscription.',
    id: 'Number of the project.',
    company_id: 'The company that it belongs to.',
    name: 'Name that people see.',
    slug: 'Name in addresses; unique within the company.',
    folder_path: 'Where its files lie.',
    description: 'What it is about.',
    project_type: 'What kind of project it is, in the platform’s words.',
    subscription_type: 'How it is paid for: monthly and others.',
    subscription_end:
      'When its subscription ends, in UTC; NULL for no end. A later date takes back the notices that no longer hold.',
    starts_at: 'When it began, in UTC.',
    auto_renew: '1 where the subscription renews itself, 0 where it does not.',
    status: 'active or expired.',
    lifecycle_status: 'active, expiring, expired or suspended.',
    notified_7d: 'True when the notice of seven days before the end was made.',
    notified_24h: 'True when the notice of 24 hours before the end was made.',
    notified_expired: 'True when the notice of the end was made.',
    notify_before_expiry_days: 'How many days before the end the first notice is due.',
    last_notification_sent_at: 'When a notice about it was made last, in UTC; NULL before the first.',
    tags: 'Words to find it by.',
    metadata: 'Whatever else the platform keeps about it.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
  'public.folders': {
    '': 'How the content of a project is filed: folders in folders.',
    id: 'Number of the folder.',
    project_id: 'The project that it belongs to.',
    name: 'Name that people see.',
    description: 'What it is for.',
    parent_id: 'The folder that it lies in; NULL at the top.',
    folder_path: 'Where its files lie.',
    is_active: 'active, or another word for a folder that is not shown.',
    sort_order: 'Place among its neighbours, lowest first.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
  'public.clients': {
    '': 'Whom a company works for.',
    id: 'Number of the client.',
    company_id: 'The company whose client it is.',
    name: 'Name of the client.',
    phone: 'Telephone number as it was typed; NULL where none is known.',
    email: 'Where e-mail to the client goes; NULL where none is known.',
    address: 'Postal address; NULL where none is known.',
    notes: 'What the company wrote down about the client.',
    is_active: 'active, or another word for a client of the past.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  },
  'public.orders': {
    '': 'What clients have ordered from a company.',
    id: 'Number of the row; people know an order by order_number.',
    company_id: 'The company that was ordered from.',
    client_id: 'The client who ordered; NULL where that is not known.',
    order_number: 'Number that people know it by; unique.',
    content_type: 'What was ordered, such as portrait.',
    status: 'pending, processing, completed or cancelled.',
    payment_status: 'unpaid, paid or refunded.',
    amount: 'Price in whole units of the currency, with two decimals.',
    currency: 'ISO 4217 code of the currency.',
    subscription_end: 'Until when the order is paid for, in UTC; NULL for no end.',
    description: 'What was ordered, in words.',
    notes: 'What the company wrote down about the order.',
    created_at: 'When the row was inserted, in UTC.',
    updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
    completed_at: 'When the order was completed, in UTC; NULL before.',
  },
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, true)`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, false)`.execute(db)
  }
}
