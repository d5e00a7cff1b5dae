import { everEnds } from '../moments.ts'
import { endOf, type Subscription } from '../rows.ts'
import type { Act, Ledger } from './ledger.ts'
import { holds, nameOf, type Stage, stageNamed } from './stages.ts'

const states = ['active', 'expiring', 'expired', 'suspended']
const movable = states.slice(0, 3)
const stageOfState: Readonly<Record<string, string>> = { expiring: '7d', expired: 'expired', suspended: 'suspended' }

type Lived = Extract<Subscription, { kind: 'projects' | 'portraits' }>

/** Whether a sweep that finds it beyond its grace period moves it: words of others it leaves alone. */
export function isToBeSuspended({ row }: Subscription): boolean {
  return 'lifecycle_status' in row && movable.includes(row.lifecycle_status ?? 'active')
}

/** Moves what the sweep looks at forward, and writes down what that changed. */
export function advance(
  ledger: Ledger,
  subscription: Subscription,
  { inView, now }: { inView: readonly Stage[]; now: number },
): void {
  if (subscription.kind !== 'projects' && subscription.kind !== 'portraits') return
  const { row } = subscription
  const reached = nextState(subscription, { inView, now })
  if (reached) {
    act(ledger, subscription, { field: 'lifecycle_status', before: row.lifecycle_status, after: reached })
    row.lifecycle_status = reached
    ledger.tell(nameOf(subscription), now, `is ${reached}`)
  }
  if (subscription.kind === 'projects' && row.status === 'active' && hasEnded(subscription, now)) {
    act(ledger, subscription, { field: 'status', before: row.status, after: 'expired' })
    row.status = 'expired'
    ledger.tell(nameOf(subscription), now, 'has the status expired')
    closeContent(ledger, subscription)
  }
}

/** Only forward, and only from words of ours. Undefined where it stays. */
export function nextState(
  subscription: Lived,
  { inView, now }: { inView: readonly Stage[]; now: number },
): string | undefined {
  const current = subscription.row.lifecycle_status ?? 'active'
  const reached = furthest(subscription, now, inView)
  return movable.includes(current) && reached && states.indexOf(reached) > states.indexOf(current) ? reached : undefined
}

function closeContent(ledger: Ledger, subscription: Lived): void {
  for (const content of ledger.world.ar_content.values()) {
    if (content.project_id !== subscription.row.id || content.is_active === false) continue
    const before = content.is_active === null ? null : 'true'
    act(ledger, subscription, { field: `ar_content ${content.id}`, before, after: 'false' })
    content.is_active = false
    ledger.touched.add(`ar_content ${content.id}`)
  }
}

/** Of several in a row the first remembers what was there before; one after somebody else's change does so again. */
function act(
  ledger: Ledger,
  subscription: Subscription,
  { field, before, after }: { field: string } & Pick<Act, 'before' | 'after'>,
): void {
  const name = nameOf(subscription)
  const acts = ledger.acts.get(name) ?? new Map<string, Act>()
  const earlier = acts.get(field)
  ledger.touched.add(name)
  acts.set(field, { before: earlier?.after === before ? earlier.before : before, after, subject: name })
  ledger.acts.set(name, acts)
}

/** Undoes what the fleet itself has done, where the new end does not bear it out. `changed` is what the same UPDATE has changed. */
export function revise(
  ledger: Ledger,
  subscription: Subscription,
  { changed, now }: { changed: ReadonlySet<string>; now: number },
): void {
  if (subscription.kind !== 'projects' && subscription.kind !== 'portraits') return
  reviseLifecycle(ledger, subscription, { changed, now })
  if (subscription.kind !== 'projects') return
  reviseStatus(ledger, subscription, now)
  reviseContent(ledger, subscription, now)
}

function reviseLifecycle(
  ledger: Ledger,
  subscription: Lived,
  { changed, now }: { changed: ReadonlySet<string>; now: number },
): void {
  const { row } = subscription
  const name = nameOf(subscription)
  const acts = ledger.acts.get(name)
  const done = acts?.get('lifecycle_status')
  if (!acts || !done) return
  const current = row.lifecycle_status
  if (current !== done.after) return void acts.delete('lifecycle_status')
  if (changed.has('lifecycle_status') || holds(subscription, stageOf(current), now)) return
  const reached = furthest(subscription, now)
  if (reached) acts.set('lifecycle_status', { ...done, after: reached })
  else acts.delete('lifecycle_status')
  row.lifecycle_status = reached ?? done.before
  ledger.tell(name, now, `is ${row.lifecycle_status} again`)
}

function reviseStatus(ledger: Ledger, subscription: Lived, now: number): void {
  const name = nameOf(subscription)
  const acts = ledger.acts.get(name)
  const done = acts?.get('status')
  const { row } = subscription
  if (!acts || !done || (row.status === done.after && hasEnded(subscription, now))) return
  acts.delete('status')
  if (row.status !== done.after) return
  row.status = done.before
  ledger.tell(name, now, `has the status ${done.before} again`)
}

/** What somebody else has shown again since is theirs. */
function reviseContent(ledger: Ledger, subscription: Lived, now: number): void {
  const name = nameOf(subscription)
  for (const content of ledger.world.ar_content.values()) {
    const field = `ar_content ${content.id}`
    const done = ledger.acts.get(name)?.get(field)
    const isOurs = content.is_active === false
    if (!done || (isOurs && hasEnded(subscription, now))) continue
    ledger.acts.get(name)?.delete(field)
    if (!isOurs) continue
    content.is_active = done.before === null ? null : done.before === 'true'
    ledger.touched.add(field)
    ledger.tell(name, now, `${field} is ${done.before} again`)
  }
}

/** Undefined where it is still far from its end. */
function furthest(subscription: Lived, now: number, inView?: readonly Stage[]): string | undefined {
  return states.slice(1).findLast((state) => {
    const stage = stageOf(state)
    return (inView?.includes(stage) ?? true) && holds(subscription, stage, now)
  })
}

function stageOf(state: string): Stage {
  return stageNamed(stageOfState[state] ?? '')
}

function hasEnded(subscription: Lived, now: number): boolean {
  const end = endOf(subscription)
  return everEnds(end) && end <= now
}
