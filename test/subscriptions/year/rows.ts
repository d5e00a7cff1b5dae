import type { End } from './moments.ts'

/** The rows of the platform's tables that the simulation is about: the columns that matter, by their names, moments in milliseconds. */
export interface Company {
  readonly id: number
  timezone: string | null
  locale: string | null
  contact_email: string | null
  telegram_chat_id: string | null
  is_active: boolean | null
  subscription_expires_at: End
}

export interface Client {
  readonly id: number
  readonly company_id: number
  email: string | null
}

interface Flags {
  notified_7d: boolean | null
  notified_24h: boolean | null
  notified_expired: boolean | null
}

interface Lived extends Flags {
  readonly id: number
  company_id: number
  subscription_end: End
  status: string | null
  lifecycle_status: string | null
}

export interface Project extends Lived {
  notify_before_expiry_days: number | null
  auto_renew: number | null
  last_notification_sent_at: End
}

export interface Portrait extends Lived {
  client_id: number | null
}

export interface Order {
  readonly id: number
  readonly company_id: number
  status: string | null
  subscription_end: End
}

export interface Content {
  readonly id: number
  readonly project_id: number
  readonly company_id: number
  is_active: boolean | null
}

export interface World {
  readonly companies: Map<number, Company>
  readonly clients: Map<number, Client>
  readonly projects: Map<number, Project>
  readonly portraits: Map<number, Portrait>
  readonly orders: Map<number, Order>
  readonly ar_content: Map<number, Content>
}

export type TableName = keyof World

/** What has an end, with the table that it is in. */
export type Subscription =
  | { readonly kind: 'projects'; readonly row: Project }
  | { readonly kind: 'portraits'; readonly row: Portrait }
  | { readonly kind: 'companies'; readonly row: Company }
  | { readonly kind: 'orders'; readonly row: Order }

export type Kind = Subscription['kind']

/** What some program other than the fleet does to a row. */
export interface Change {
  readonly table: TableName
  readonly id: number
  /** Null deletes the row. */
  readonly set: Readonly<Record<string, string | number | boolean | null>> | null
}

export function* subscriptionsOf(world: World): Generator<Subscription> {
  for (const row of world.projects.values()) yield { kind: 'projects', row }
  for (const row of world.portraits.values()) yield { kind: 'portraits', row }
  for (const row of world.companies.values()) yield { kind: 'companies', row }
  for (const row of world.orders.values()) yield { kind: 'orders', row }
}

export function findSubscription(world: World, table: TableName, id: number): Subscription | undefined {
  if (table === 'clients' || table === 'ar_content') return undefined
  const row = world[table].get(id)
  return row && ({ kind: table, row } as Subscription)
}

export function endOf({ kind, row }: Subscription): End {
  return kind === 'companies' ? row.subscription_expires_at : row.subscription_end
}

export function companyOf({ kind, row }: Subscription): number {
  return kind === 'companies' ? row.id : row.company_id
}

export const endColumn = {
  projects: 'subscription_end',
  portraits: 'subscription_end',
  orders: 'subscription_end',
  companies: 'subscription_expires_at',
} as const satisfies Record<Kind, string>
