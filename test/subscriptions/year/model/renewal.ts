import { type End, everEnds, showMoment } from '../moments.ts'
import { type Change, endColumn, endOf, findSubscription, type Subscription, type TableName } from '../rows.ts'
import { given } from './announcement.ts'
import type { Ledger, Message, Notice } from './ledger.ts'
import { flagOf, holds, nameOf, stagesOf } from './stages.ts'
import { revise } from './states.ts'

/** What follows from what another program has done. */
export function apply(ledger: Ledger, change: Change, now: number): void {
  const { table, id, set } = change
  const name = `${table} ${id}`
  ledger.tell(name, now, set ? JSON.stringify(showSet(set)) : 'is deleted')
  ledger.touched.add(name)
  if (set) write(ledger, { table, id, set, now })
  else remove(ledger, table, id)
}

type Writing = Pick<Change, 'table' | 'id'> & { readonly set: NonNullable<Change['set']>; readonly now: number }

function write(ledger: Ledger, { table, id, set, now }: Writing): void {
  const subscription = findSubscription(ledger.world, table, id)
  const row = ledger.world[table].get(id)
  if (!row) throw new Error(`There is no ${table} ${id}`)
  const before: Readonly<Record<string, unknown>> = { ...row }
  Object.assign(row, set)
  const changed = new Set(Object.keys(set).filter((column) => set[column] !== before[column]))
  if (table === 'companies') followContacts(ledger, id)
  if (!subscription || subscription.kind === 'orders' || !changed.has(endColumn[subscription.kind])) return
  renew(ledger, subscription, { old: before[endColumn[subscription.kind]] as End, changed, now })
}

function remove(ledger: Ledger, table: TableName, id: number): void {
  const name = `${table} ${id}`
  ledger.world[table].delete(id)
  ledger.removed.add(name)
  for (const notice of ledger.noticesOf(name)) cancel(ledger, notice)
  withdraw(ledger, ledger.noticesOf(name))
  if (table !== 'projects') return
  for (const { messages } of ledger.noticesOf(name))
    for (const told of messages) ledger.change(told, { projectId: null })
}

interface Renewal {
  readonly old: End
  /** The columns that the same UPDATE has changed. */
  readonly changed: ReadonlySet<string>
  readonly now: number
}

function renew(ledger: Ledger, subscription: Subscription, renewal: Renewal): void {
  const { changed, now } = renewal
  const others = ledger.noticesOf(nameOf(subscription)).filter(({ end }) => end !== endOf(subscription))
  for (const notice of others) cancel(ledger, notice)
  const withdrawn = withdraw(ledger, others)
  resetFlags(subscription, { ...renewal, withdrawn })
  carryOver(ledger, subscription, renewal)
  revise(ledger, subscription, { changed, now })
  ledger.touched.add(nameOf(subscription))
}

/** What has not gone out does not go out any more; its mail neither. */
function cancel(ledger: Ledger, notice: Notice): void {
  for (const message of notice.messages) {
    if (!isWaiting(message)) continue
    const mail = message.mail === 'pending' ? 'cancelled' : message.mail
    ledger.change(message, { status: 'cancelled', needsFallback: false, mail })
  }
}

function isWaiting({ status, needsFallback }: Message): boolean {
  return ['pending', 'sending', 'held'].includes(status) || needsFallback
}

const unsaid = ['cancelled', 'failed', 'skipped', 'expired']

/** Nobody has been told: as if it had never been decided. So is what was overtaken by such. */
function withdraw(ledger: Ledger, others: readonly Notice[]): Notice[] {
  const notSaid = others.filter(({ outcome, messages }) => outcome === 'sent' && isUnsaid(messages))
  for (const notice of notSaid) notice.outcome = 'withdrawn'
  const overtaken = others.filter(
    ({ outcome, reason, supersededBy, end }) =>
      outcome === 'superseded' &&
      reason === 'overtaken' &&
      others.some((other) => other.end === end && other.stage === supersededBy && other.outcome === 'withdrawn'),
  )
  for (const notice of overtaken) notice.outcome = 'withdrawn'
  const withdrawn = [...notSaid, ...overtaken]
  for (const { key } of withdrawn) ledger.touched.add(key)
  return withdrawn
}

function isUnsaid(messages: readonly Message[]): boolean {
  const statuses = messages.map(({ status }) => status)
  return statuses.includes('cancelled') && statuses.every((status) => unsaid.includes(status))
}

function resetFlags(
  subscription: Subscription,
  { old, changed, now, withdrawn }: Renewal & { withdrawn: readonly Notice[] },
): void {
  for (const stage of stagesOf(subscription)) {
    const flag = flagOf(subscription, stage)
    if (!flag || changed.has(flag)) continue
    const isUnsaid = withdrawn.some((notice) => notice.stage === stage.name && notice.end === old)
    if (isUnsaid || !holds(subscription, stage, now)) Object.assign(subscription.row, { [flag]: false })
  }
}

/** What has no flag to remember it by is remembered for the new end, where it is late enough for it still. */
function carryOver(ledger: Ledger, subscription: Subscription, { old, now }: Renewal): void {
  const end = endOf(subscription)
  if (!everEnds(old) || !everEnds(end)) return
  const name = nameOf(subscription)
  for (const stage of stagesOf(subscription)) {
    const earlier = ledger.standing(name, stage.name, old)
    if (flagOf(subscription, stage) || !earlier || !holds(subscription, stage, now)) continue
    if (ledger.standing(name, stage.name, end)) continue
    ledger.decide(name, {
      stage: stage.name,
      end,
      companyId: earlier.companyId,
      outcome: 'superseded',
      reason: 'carried_over',
      supersededBy: null,
      channels: [],
    })
    ledger.tell(name, now, `${stage.name}: carried over from ${showMoment(old)}`)
  }
}

/** What waits goes where the company is by now. */
function followContacts(ledger: Ledger, id: number): void {
  const { contact_email, telegram_chat_id } = ledger.company(id)
  const contacts = { email: given(contact_email), telegram: given(telegram_chat_id), system: undefined }
  for (const message of ledger.messages()) {
    if (!message.follows || message.companyId !== id || message.status !== 'pending') continue
    const recipient = contacts[message.channel] ?? null
    if (recipient !== message.recipient) ledger.change(message, { recipient })
  }
}

function showSet(set: NonNullable<Change['set']>): Record<string, unknown> {
  const isMoment = (column: string) => column === 'subscription_end' || column === 'subscription_expires_at'
  return Object.fromEntries(
    Object.entries(set).map(([column, value]) => [column, isMoment(column) ? showMoment(value as End) : value]),
  )
}
