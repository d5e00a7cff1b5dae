import { Random } from '../../chaos/random.ts'
import { Agenda } from './agenda.ts'
import { changeOf, changeOfCompany, nextTouch } from './changes.ts'
import { nameOf, stagesOf, thresholdOf } from './model/stages.ts'
import { day, type End, hour, yearBegins } from './moments.ts'
import { Outages } from './outages.ts'
import { type Change, endOf, findSubscription, type Subscription, subscriptionsOf, type World } from './rows.ts'

export type Happening =
  | { readonly what: 'sweep' | 'delivery' }
  | { readonly what: 'renewal'; readonly subscription: Subscription }
  | { readonly what: 'company' | 'content'; readonly id: number }

/** What happens in the year and when: the same for the same seed, as long as the model stays the same. */
export class Calendar {
  readonly #world: World
  readonly #seed: number
  readonly #outages: Outages
  readonly #agenda = new Agenda<Happening>()
  readonly #sweeps = new Set<number>()
  readonly #randoms = new Map<string, Random>()
  readonly #earlierEnds = new Map<string, End[]>()
  readonly #touchedAt = new Map<string, number>()

  constructor(world: World, seed: number) {
    this.#world = world
    this.#seed = seed
    this.#outages = new Outages(seed)
    this.#enterSweep(yearBegins)
    for (const subscription of subscriptionsOf(world)) {
      this.#enterRenewal(subscription, yearBegins)
      this.#enterSweeps(subscription, yearBegins)
    }
    for (const id of world.companies.keys()) this.#enterSomeTime({ what: 'company', id }, yearBegins)
    for (const id of world.ar_content.keys()) this.#enterSomeTime({ what: 'content', id }, yearBegins)
    for (const at of this.#outages.deliveries) this.#agenda.enter(at, { what: 'delivery' })
  }

  next(): { readonly at: number; readonly item: Happening } | undefined {
    return this.#agenda.next()
  }

  /** What a program writes at such an occasion; undefined where its row is no more. `entered` when it is written. */
  changeAt(happening: Happening, now: number): Change | undefined {
    switch (happening.what) {
      case 'renewal':
        return this.#renewalOf(happening.subscription, now)
      case 'company': {
        const company = this.#world.companies.get(happening.id)
        return company && changeOfCompany(company, this.#random(`company ${happening.id}`))
      }
      case 'content': {
        const is_active = this.#random(`content ${happening.id}`).pick([true, false, null])
        return { table: 'ar_content', id: happening.id, set: { is_active } }
      }
      default:
        return undefined
    }
  }

  /** Once the change is written: when somebody comes again, and when a sweep may find something to do. */
  follow(happening: Happening, now: number): void {
    this.#enterSweep(now)
    if (happening.what === 'company' || happening.what === 'content') this.#enterSomeTime(happening, now)
    if (happening.what !== 'renewal') return
    const { kind, row } = happening.subscription
    const subscription = findSubscription(this.#world, kind, row.id)
    if (!subscription) return
    this.#enterRenewal(subscription, now)
    this.#enterSweeps(subscription, now)
  }

  #renewalOf(subscription: Subscription, now: number): Change | undefined {
    const name = nameOf(subscription)
    const earlier = this.#earlierEnds.get(name) ?? []
    const touchedAt = this.#touchedAt.get(name) ?? yearBegins
    const change = changeOf(subscription, {
      random: this.#random(name),
      now,
      earlier,
      touchedAt,
      isDeletable: this.#isDeletable(subscription),
    })
    this.#touchedAt.set(name, now)
    this.#earlierEnds.set(name, [...earlier, endOf(subscription)].slice(-4))
    return change
  }

  /** Content that belongs to a project keeps it. */
  #isDeletable({ kind, row }: Subscription): boolean {
    if (kind === 'portraits') return true
    return kind === 'projects' && !this.#world.ar_content.values().some(({ project_id }) => project_id === row.id)
  }

  #enterRenewal(subscription: Subscription, now: number): void {
    const at = nextTouch(this.#random(nameOf(subscription)), endOf(subscription), now)
    this.#agenda.enter(at, { what: 'renewal', subscription })
  }

  #enterSomeTime(happening: Extract<Happening, { id: number }>, now: number): void {
    const most = happening.what === 'company' ? 50 : 500
    const random = this.#random(`${happening.what} ${happening.id}`)
    this.#agenda.enter(now + random.int(2, most) * day + random.int(0, 23) * hour, happening)
  }

  #enterSweeps(subscription: Subscription, now: number): void {
    for (const stage of stagesOf(subscription)) {
      const threshold = thresholdOf(subscription, stage)
      if (threshold !== undefined && threshold > now) this.#enterSweep(threshold)
    }
  }

  #enterSweep(moment: number): void {
    const at = this.#outages.nextSweep(moment)
    if (this.#sweeps.has(at)) return
    this.#sweeps.add(at)
    this.#agenda.enter(at, { what: 'sweep' })
  }

  #random(name: string): Random {
    const known = this.#randoms.get(name)
    if (known) return known
    const random = new Random(this.#seed, ...Array.from(name, (letter) => letter.charCodeAt(0)))
    this.#randoms.set(name, random)
    return random
  }
}
