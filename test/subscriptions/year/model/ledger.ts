import { type End, showMoment } from '../moments.ts'
import type { Company, World } from '../rows.ts'
import type { Channel } from './stages.ts'

export type Outcome = 'sent' | 'superseded' | 'skipped' | 'recorded' | 'withdrawn'

/** A decision about one end of one subscription at one stage. */
export interface Notice {
  readonly key: string
  readonly end: number
  readonly stage: string
  companyId: number
  outcome: Outcome
  reason: string | null
  supersededBy: string | null
  channels: readonly Channel[]
  readonly messages: Message[]
}

/** A row of `notifications`. */
export interface Message {
  readonly key: string
  readonly channel: Channel
  recipient: string | null
  /** Whether it goes wherever the company is when it leaves. */
  readonly follows: boolean
  readonly companyId: number | null
  projectId: number | null
  readonly notificationType: 'expiry_warning' | 'expired'
  readonly priority: string
  readonly groupId: string
  readonly scheduledAt: number
  readonly notAfter: End
  status: string
  needsFallback: boolean
  /** Of the mail that it has become; null for none. */
  mail: string | null
}

/** What the fleet has changed and would undo. */
export interface Act {
  readonly before: string | null
  after: string
  /** The subscription that it was done for. */
  readonly subject: string
}

/** What the model believes to be in the database, and how each subscription came there. */
export class Ledger {
  readonly world: World
  readonly notices = new Map<string, Notice>()
  /** By subscription, by field. */
  readonly acts = new Map<string, Map<string, Act>>()
  /** Names of rows, notices and messages that may have changed since somebody looked. */
  readonly touched = new Set<string>()
  /** Names of rows that are no more. */
  readonly removed = new Set<string>()
  readonly #byName = new Map<string, Notice[]>()
  readonly #stories = new Map<string, string[]>()
  readonly #messages = new Map<string, Message>()

  constructor(world: World) {
    this.world = world
  }

  company(id: number): Company {
    const company = this.world.companies.get(id)
    if (!company) throw new Error(`There is no company ${id}`)
    return company
  }

  noticesOf(name: string): readonly Notice[] {
    return this.#byName.get(name) ?? []
  }

  /** The decision that stands; what was withdrawn counts as never decided. */
  standing(name: string, stage: string, end: number): Notice | undefined {
    return this.noticesOf(name).find(
      (notice) => notice.stage === stage && notice.end === end && notice.outcome !== 'withdrawn',
    )
  }

  /** Writes a decision down, over one that was withdrawn; the messages of that one stay with it. */
  decide(name: string, decision: Omit<Notice, 'key' | 'messages'>): Notice {
    const key = noticeKey(name, decision.stage, decision.end)
    const messages = this.notices.get(key)?.messages ?? []
    const notice = { ...decision, key, messages }
    this.notices.set(key, notice)
    this.#byName.set(name, [...this.noticesOf(name).filter((other) => other.key !== key), notice])
    this.touched.add(key)
    return notice
  }

  add(notice: Notice, message: Omit<Message, 'key'>): void {
    const before = notice.messages.filter(({ channel }) => channel === message.channel).length
    const added = { ...message, key: `${notice.key} ${message.channel} #${before + 1}` }
    notice.messages.push(added)
    this.#messages.set(added.key, added)
    this.touched.add(added.key)
  }

  messages(): IterableIterator<Message> {
    return this.#messages.values()
  }

  message(key: string): Message | undefined {
    return this.#messages.get(key)
  }

  change(message: Message, changes: Partial<Message>): void {
    Object.assign(message, changes)
    this.touched.add(message.key)
  }

  /** Remembers what happened, for whoever looks for the cause of a difference. */
  tell(name: string, now: number, text: string): void {
    const story = this.#stories.get(name) ?? []
    story.push(`${showMoment(now)} ${text}`)
    this.#stories.set(name, story)
  }

  story(name: string): readonly string[] {
    return this.#stories.get(name) ?? []
  }
}

function noticeKey(name: string, stage: string, end: number): string {
  return `${name} ${stage} ${showMoment(end)}`
}
