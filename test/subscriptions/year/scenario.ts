import { Random } from '../../chaos/random.ts'
import { day, type End, hour, minute, yearBegins } from './moments.ts'
import type { Client, Company, Content, Order, Portrait, Project, World } from './rows.ts'

const counts = { companies: 20, clients: 60, projects: 200, portraits: 100, orders: 30 }
const first = { companies: 101, clients: 1_001, projects: 2_001, portraits: 3_001, orders: 4_001, content: 5_001 }

/** NULL, nothing, names that nobody knows; half hours and quarters; clocks that change by half an hour; both hemispheres. */
export const zones: readonly [string | null, ...(string | null)[]] = [
  null,
  '',
  'Mars/Olympus_Mons',
  'Europe/Moscow',
  'Europe/Kaliningrad',
  'Asia/Vladivostok',
  'Asia/Kolkata',
  'America/St_Johns',
  'America/New_York',
  'Europe/London',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'UTC',
]

export const warnings: readonly [number | null, ...(number | null)[]] = [null, 0, 1, 3, 7, 7, 14, 30, -2]

/** What is there when the year begins: the same for the same seed. */
export function makeWorld(seed: number): World {
  const random = new Random(seed, 1)
  const make = <Row>(count: number, from: number, one: (id: number) => Row): Map<number, Row> =>
    new Map(Array.from({ length: count }, (_, index) => [from + index, one(from + index)]))
  return {
    companies: make(counts.companies, first.companies, (id) => makeCompany(random, id)),
    clients: make(counts.clients, first.clients, (id) => makeClient(random, id)),
    projects: make(counts.projects, first.projects, (id) => makeProject(random, id)),
    portraits: make(counts.portraits, first.portraits, (id) => makePortrait(random, id)),
    orders: make(counts.orders, first.orders, (id) => makeOrder(random, id)),
    ar_content: makeContents(random),
  }
}

function makeCompany(random: Random, id: number): Company {
  return {
    id,
    timezone: zones[id % zones.length] ?? null,
    locale: random.pick([null, 'ru', 'en']),
    ...contactsOf(random, id),
    is_active: random.pick([true, true, true, null, null, false]),
    subscription_expires_at: someEnd(random),
  }
}

/** By mail, by Telegram, both or neither. */
export function contactsOf(random: Random, id: number): Pick<Company, 'contact_email' | 'telegram_chat_id'> {
  const number = `${id}${random.int(10, 99)}`
  return {
    contact_email: random.chance(0.7) ? `company-${number}@customers.example` : random.pick([null, ' ']),
    telegram_chat_id: random.chance(0.6) ? `-${number}` : random.pick([null, '']),
  }
}

export function companyOfId(random: Random): number {
  return random.int(first.companies, first.companies + counts.companies - 1)
}

function makeClient(random: Random, id: number): Client {
  return { id, company_id: companyOfId(random), email: random.pick([`client-${id}@people.example`, null, '  ']) }
}

export function clientOfId(random: Random): number | null {
  return random.chance(0.6) ? random.int(first.clients, first.clients + counts.clients - 1) : null
}

function makeProject(random: Random, id: number): Project {
  return {
    ...makeLived(random, id),
    notify_before_expiry_days: random.pick(warnings),
    auto_renew: random.pick([0, 0, 1, null]),
    last_notification_sent_at: null,
  }
}

function makePortrait(random: Random, id: number): Portrait {
  return { ...makeLived(random, id), client_id: clientOfId(random) }
}

function makeLived(random: Random, id: number): Omit<Portrait, 'client_id'> {
  const flag = () => random.pick([false, false, false, false, null])
  return {
    id,
    company_id: companyOfId(random),
    subscription_end: someEnd(random),
    status: random.chance(0.96) ? 'active' : random.pick([null, 'archived', 'expired']),
    lifecycle_status: random.chance(0.9)
      ? random.pick(['active', 'active', null])
      : random.pick(['suspended', 'frozen']),
    notified_7d: flag(),
    notified_24h: flag(),
    notified_expired: flag(),
  }
}

function makeOrder(random: Random, id: number): Order {
  const status = random.pick(['pending', 'processing', 'completed'])
  return { id, company_id: companyOfId(random), status, subscription_end: someEnd(random) }
}

function makeContents(random: Random): Map<number, Content> {
  const contents = Array.from({ length: counts.projects }, (_, index): Content => {
    const project_id = random.int(first.projects, first.projects + counts.projects - 1)
    return {
      id: first.content + index,
      project_id,
      company_id: companyOfId(random),
      is_active: random.pick([true, true, null, false]),
    }
  })
  return new Map(contents.map((content) => [content.id, content]))
}

/** Soon, or long ago, or never. */
function someEnd(random: Random): End {
  if (random.chance(0.05)) return null
  if (random.chance(0.03)) return Number.POSITIVE_INFINITY
  return onTheClock(random, yearBegins + random.int(-45, 120) * day)
}

/** Most of what happens does so at one of a few hours, so that one sweep finds much to do; some at any minute. */
export function onTheClock(random: Random, moment: number): number {
  return random.chance(0.88)
    ? Math.ceil(moment / (6 * hour)) * 6 * hour
    : Math.ceil(moment / minute) * minute + random.int(0, 359) * minute
}
