import type { Logger } from 'pino'
import { assertNever } from '../../../runtime/assert-never.ts'
import { unlessAborted } from '../../../runtime/unless-aborted.ts'
import type { TelegramFault } from '../../../telegram/api.ts'
import type { TelegramChats, Turn } from '../../../telegram/telegram-chats.ts'
import type { Delivery, Hold } from '../../channel.ts'
import type { Notice } from '../../notice.ts'
import type { Courier } from './courier.ts'
import { explain } from './error-class.ts'
import type { Composed, Part } from './message.ts'
import { type Form, judge, type Verdict } from './policy.ts'
import { readProgress, type SentPart, sentPart } from './progress.ts'

export interface AttemptOptions {
  readonly courier: Courier
  readonly chats: TelegramChats
  readonly closing: AbortSignal
  readonly log: Logger
}

export interface AttemptFacts {
  readonly notice: Notice
  readonly hold: Hold
  readonly composed: Composed
  readonly chatId: string
}

type Ending = Delivery['outcome']

/** When the database cannot be asked now. */
const askAgainMs = 1_000
const usualOutageMs = 60_000
/** A group becomes a supergroup once; more would be a circle. */
const mostMigrations = 2

/** One attempt at one notice: its parts one after the other, as far as they get. */
export class Attempt {
  readonly #options: AttemptOptions
  readonly #facts: AttemptFacts
  #chatId: string
  #sent: readonly SentPart[]
  #migrations = 0
  #fault: TelegramFault | undefined
  /** What an operator may want to know of a message that went out all the same. */
  readonly #notes: string[]

  constructor(options: AttemptOptions, facts: AttemptFacts) {
    this.#options = options
    this.#facts = facts
    this.#chatId = facts.chatId
    this.#sent = readProgress(facts.notice.parts, facts.composed.parts)
    this.#notes = [...facts.composed.leftOut]
  }

  async run(): Promise<Delivery> {
    const { parts } = this.#facts.composed
    for (const part of parts.slice(this.#sent.length)) {
      const ending = await this.#send(part)
      if (ending !== undefined) return this.#delivery(ending)
      const isKept = this.#sent.length === parts.length || (await this.#keep())
      if (!isKept) return this.#delivery({ kind: 'untouched', delayMs: askAgainMs })
    }
    return this.#delivery({ kind: 'sent' })
  }

  /** Undefined once the part is sent. */
  async #send(part: Part): Promise<Ending | undefined> {
    let form: Form = { plain: false, image: part.imageUrl !== undefined }
    for (;;) {
      const ending = await this.#awaitTurn()
      if (ending !== undefined) return ending
      const answer = await this.#offer(part, form)
      if (answer.ok) return this.#took(part, answer.result.message_id)
      this.#fault = answer.fault
      const verdict = judge(answer.fault, { ...form, text: part.html !== '', closing: this.#options.closing.aborted })
      if (verdict.kind === 'again') form = this.#instead(verdict.form, answer.fault)
      else if (verdict.kind === 'migrated' && this.#migrations < mostMigrations) await this.#migrate(verdict.chatId)
      else return this.#end(verdict)
    }
  }

  async #awaitTurn(): Promise<Ending | undefined> {
    const { closing } = this.#options
    const turn = await unlessAborted(this.#take(), closing)
    if (turn?.kind === 'later') return { kind: 'untouched', delayMs: turn.delayMs }
    if (turn?.kind === 'unreachable') {
      const reason = explain('chat_unreachable', `${turn.errorClass}: ${turn.reason}`)
      return { kind: 'skipped', errorClass: 'chat_unreachable', reason }
    }
    if (turn === undefined || closing.aborted || this.#facts.hold.lost()) return { kind: 'untouched', delayMs: 0 }
    this.#chatId = turn.chatId
    return undefined
  }

  async #take(): Promise<Turn> {
    try {
      return await this.#options.chats.take(this.#chatId)
    } catch (err) {
      this.#options.log.warn({ err }, 'cannot ask whether a chat may be written to; later')
      return { kind: 'later', delayMs: askAgainMs }
    }
  }

  #offer(part: Part, form: Form) {
    const { notice, hold, composed } = this.#facts
    return this.#options.courier.send({
      chatId: this.#chatId,
      part,
      form,
      notificationId: notice.id,
      number: this.#sent.length + 1,
      of: composed.parts.length,
      mayWrite: () => hold.handOver(),
    })
  }

  async #took(part: Part, messageId: number): Promise<undefined> {
    this.#sent = [...this.#sent, sentPart(part, messageId)]
    await this.#tell(this.#options.chats.passed())
  }

  #instead(form: Form, { description }: TelegramFault): Form {
    this.#notes.push(`${form.plain ? 'sent as plain text' : 'sent without the image'} (${description})`)
    return form
  }

  async #migrate(chatId: string): Promise<void> {
    this.#migrations += 1
    await this.#tell(this.#options.chats.migrate(this.#chatId, chatId))
    this.#chatId = chatId
  }

  async #end(verdict: Exclude<Verdict, { kind: 'again' }>): Promise<Ending> {
    const { chats } = this.#options
    switch (verdict.kind) {
      case 'unreachable': {
        const { errorClass, reason } = verdict
        await this.#tell(chats.unreachable(this.#chatId, errorClass, reason))
        return { kind: 'hard_failure', errorClass, reason }
      }
      case 'throttled': {
        const { errorClass, reason, forMs } = verdict
        await this.#tell(chats.pause(forMs, reason))
        return { kind: 'throttled', errorClass, reason, retryAfterMs: forMs }
      }
      case 'outage': {
        const { errorClass, reason } = verdict
        const retryAfterMs = (await this.#tell(chats.outage(reason))) ?? usualOutageMs
        return { kind: 'outage', errorClass, reason, retryAfterMs }
      }
      case 'migrated':
        return { kind: 'hard_failure', errorClass: 'chat_not_found', reason: 'The chat has migrated in a circle' }
      case 'ended':
        return verdict.outcome
      case 'untouched':
        return { kind: 'untouched', delayMs: 0 }
      default:
        return assertNever(verdict)
    }
  }

  /** What others should know must not change what came of this attempt. */
  async #tell<T>(telling: Promise<T>): Promise<T | undefined> {
    return await telling.catch((err: unknown) => {
      this.#options.log.warn({ err }, 'cannot record what Telegram said of a chat or the bot')
      return undefined
    })
  }

  /** False where it could not be made durable: then no further part may go out, for it might go out twice. */
  async #keep(): Promise<boolean> {
    try {
      await this.#facts.hold.keep({ sent: this.#sent })
      return true
    } catch (err) {
      this.#options.log.warn({ err }, 'cannot record the part of a message that Telegram has taken; the rest later')
      return false
    }
  }

  #delivery(outcome: Ending): Delivery {
    const isSent = outcome.kind === 'sent'
    const code = isSent ? 200 : this.#fault?.code
    const ids = `message ${this.#sent.map(({ message_id }) => message_id).join(', ')}`
    const reply = isSent ? [ids, ...this.#notes].join('; ') : this.#fault?.description
    return {
      outcome,
      ...(code !== undefined && { code }),
      ...(reply !== undefined && { reply }),
      ...(this.#sent.length > 0 && { parts: { sent: this.#sent } }),
      ...(this.#chatId !== this.#facts.notice.recipient && { recipient: this.#chatId }),
    }
  }
}
