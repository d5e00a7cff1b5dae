/** Minutes from the moment at which a test begins; null for never. */
export type Minute = number | null
export type Flag = '7d' | '24h' | 'expired'

const hour = 60
const day = 24 * hour

/** What a statement of another program sets beside the end. */
export interface Setting {
  readonly flags: Readonly<Partial<Record<Flag, boolean | null>>>
  readonly lifecycleStatus?: string | null
  readonly status?: string | null
}

export interface ModelRow {
  readonly flags: Record<Flag, boolean | null>
  readonly lifecycleStatus: string | null
  readonly status: string | null
}

interface ModelNotice {
  readonly stage: Flag
  readonly end: number
  outcome: 'sent' | 'superseded' | 'withdrawn'
  readonly overtakenBy?: Flag
  readonly hasGone: boolean
}

interface Act {
  readonly before: string | null
  readonly after: string
}

/** What the sweep decides about the row at this moment. */
export interface Announcement {
  readonly stage: Flag
  readonly overtaken: readonly Flag[]
}

/**
 * A subscription as the rules have it: flags, states and notices, whatever comes at it. Written from the rules alone: a window holds from
 * its moment on; what no longer holds is put back; what the fleet did itself is undone, unless somebody else has changed it since.
 */
export class RenewalModel {
  row: ModelRow
  end: Minute
  now = 0
  readonly #warnDays: number
  readonly #expires: boolean
  readonly #notices: ModelNotice[] = []
  readonly #acts = new Map<'lifecycleStatus' | 'status', Act>()

  constructor({ end, warnDays, expires }: { end: Minute; warnDays: number | null; expires: boolean }) {
    this.end = end
    this.#warnDays = Math.max(0, Math.min(3650, warnDays ?? 7))
    this.#expires = expires
    this.row = { flags: { '7d': false, '24h': false, expired: false }, lifecycleStatus: 'active', status: 'active' }
  }

  holds(stage: Flag | 'suspended', end = this.end): boolean {
    const before = { '7d': this.#warnDays * day, '24h': day, expired: 0, suspended: -14 * day }[stage]
    return end !== null && end - before <= this.now
  }

  /** The furthest state whose window holds. */
  state(end = this.end): string | null {
    if (this.holds('suspended', end)) return 'suspended'
    if (this.holds('expired', end)) return 'expired'
    return this.holds('7d', end) ? 'expiring' : null
  }

  set({ flags, ...states }: Setting): void {
    this.row = { ...this.row, ...states, flags: { ...this.row.flags, ...flags } }
  }

  /** Of the stages that are due the most urgent is told, and overtakes the others; null where none is due. */
  announce(hasGone: boolean): Announcement | null {
    const { end } = this
    if (end === null) return null
    const due = (['expired', '24h', '7d'] as const).filter(
      (stage) => this.holds(stage) && this.row.flags[stage] !== true,
    )
    const fresh = due.filter(
      (stage) => !this.#notices.some((n) => n.stage === stage && n.end === end && n.outcome !== 'withdrawn'),
    )
    const [stage, ...overtaken] = fresh
    this.set({ flags: Object.fromEntries(due.map((one) => [one, true])) })
    if (stage === undefined) return null
    this.#replace({ stage, end, outcome: 'sent', hasGone })
    for (const one of overtaken)
      this.#replace({ stage: one, end, outcome: 'superseded', overtakenBy: stage, hasGone: true })
    return { stage, overtaken }
  }

  /** The fleet moves the states forward. Answers what it has changed. */
  advance(): { readonly lifecycleStatus?: string; readonly status?: string } {
    const order = ['active', 'expiring', 'expired', 'suspended']
    const { lifecycleStatus, status } = this.row
    const state = this.state()
    const changed: { lifecycleStatus?: string; status?: string } = {}
    const place = order.indexOf(lifecycleStatus ?? 'active')
    if (state !== null && place >= 0 && place < order.indexOf(state)) changed.lifecycleStatus = state
    if (this.#expires && status === 'active' && this.holds('expired')) changed.status = 'expired'
    for (const [field, after] of Object.entries(changed) as ['lifecycleStatus' | 'status', string][]) {
      const standing = this.#acts.get(field)
      const before = standing?.after === this.row[field] ? standing.before : this.row[field]
      this.#acts.set(field, { before, after })
    }
    this.row = { ...this.row, ...changed }
    return changed
  }

  /** Another program moves the end, and sets what it likes in the same statement. */
  move(end: Minute, setting: Setting): void {
    const old = this.row
    const oldEnd = this.end
    this.set(setting)
    if (end === oldEnd) return
    this.end = end
    const untold = this.#withdraw(end).filter((notice) => notice.end === oldEnd)
    const flags = { ...this.row.flags }
    for (const flag of ['7d', '24h', 'expired'] as const) {
      const isSetNow = flags[flag] !== old.flags[flag]
      const isOver = !this.holds(flag) || untold.some(({ stage }) => stage === flag)
      if (flags[flag] === true && !isSetNow && isOver) flags[flag] = false
    }
    const lifecycleStatus = this.#undo('lifecycleStatus', old, this.state())
    this.row = { flags, lifecycleStatus, status: this.#undo('status', old, this.holds('expired') ? 'expired' : null) }
  }

  #withdraw(end: Minute): ModelNotice[] {
    const others = this.#notices.filter((notice) => notice.end !== end)
    const untold = others.filter(({ outcome, hasGone }) => outcome === 'sent' && !hasGone)
    const overtaken = others.filter(
      (one) => one.outcome === 'superseded' && untold.some((by) => by.end === one.end && by.stage === one.overtakenBy),
    )
    for (const notice of [...untold, ...overtaken]) notice.outcome = 'withdrawn'
    return [...untold, ...overtaken]
  }

  /** What a state is to be now. */
  #undo(field: 'lifecycleStatus' | 'status', old: ModelRow, reached: string | null): string | null {
    const act = this.#acts.get(field)
    const value = this.row[field]
    if (act === undefined) return value
    if (old[field] !== act.after || value !== old[field]) {
      this.#acts.delete(field)
      return value
    }
    const order = ['expiring', 'expired', 'suspended']
    if (reached !== null && order.indexOf(reached) >= order.indexOf(act.after)) return value
    if (reached === null) {
      this.#acts.delete(field)
      return act.before
    }
    this.#acts.set(field, { ...act, after: reached })
    return reached
  }

  #replace(notice: ModelNotice): void {
    const at = this.#notices.findIndex(({ stage, end }) => stage === notice.stage && end === notice.end)
    if (at >= 0) this.#notices[at] = notice
    else this.#notices.push(notice)
  }
}
