import type { Logger } from 'pino'
import type { Outcome } from '../../../queue/outcome.ts'
import { assertNever } from '../../../runtime/assert-never.ts'
import type { Channel, Delivery, Hold } from '../../channel.ts'
import type { ChannelPause } from '../../channel-pause.ts'
import type { Notice } from '../../notice.ts'
import type { SmsDriver, SmsVerdict } from './driver.ts'
import type { SmsErrorClass } from './error-class.ts'
import { readPhoneNumber } from './phone-number.ts'
import { smsText } from './sms-text.ts'

export interface SmsChannelOptions {
  /** Undefined where none is configured: all notices are skipped then. */
  readonly driver: SmsDriver | undefined
  readonly pause: ChannelPause
  readonly log: Logger
}

const untouched: Delivery = { outcome: { kind: 'untouched', delayMs: 0 } }
/** As long as the first pause of an outage. */
const unknownPauseMs = 1_000

/** SMS through a provider. */
export function smsChannel(options: SmsChannelOptions): Channel {
  return new SmsChannel(options)
}

class SmsChannel implements Channel {
  readonly destination: string
  readonly #options: SmsChannelOptions
  readonly #closing = new AbortController()

  constructor(options: SmsChannelOptions) {
    this.#options = options
    this.destination = options.driver?.destination ?? 'nowhere'
  }

  async deliver(notice: Notice, hold: Hold): Promise<Delivery> {
    const { driver } = this.#options
    if (!driver) return refusal('skipped', 'channel_unconfigured', 'No SMS provider is configured')
    const { recipient } = notice
    if (recipient === null) return refusal('skipped', 'no_recipient', 'No phone number to send it to')
    const phone = readPhoneNumber(recipient)
    if ('reason' in phone) return refusal('hard_failure', 'phone_invalid', `The phone number ${phone.reason}`)
    const text = smsText(notice)
    if (text === '') return refusal('hard_failure', 'message_empty', 'There is neither a subject nor a message')
    if (hold.lost()) return untouched
    const { signal } = this.#closing
    const terms = { handOver: () => hold.handOver(), signal }
    const { verdict, ...answer } = await driver.send({ to: phone.value, text }, terms)
    if (verdict.kind === 'untouched') return untouched
    return { outcome: await this.#settle(verdict), ...answer }
  }

  close(): void {
    this.#closing.abort()
  }

  /** What is about the whole channel holds for all processes; what came through says that an outage is over. */
  async #settle(verdict: Exclude<SmsVerdict, { kind: 'untouched' }>): Promise<Outcome> {
    const { pause } = this.#options
    switch (verdict.kind) {
      case 'sent':
      case 'hard_failure':
        await this.#tell(() => pause.passed())
        return verdict
      case 'throttled':
        await this.#tell(() => pause.pause(verdict.retryAfterMs, verdict.reason))
        return verdict
      case 'outage': {
        const retryAfterMs = (await this.#tell(() => pause.outage(verdict.reason))) ?? unknownPauseMs
        return { ...verdict, retryAfterMs }
      }
      case 'soft_failure':
      case 'ambiguous':
        return verdict
      default:
        return assertNever(verdict)
    }
  }

  /** Whatever becomes of the pause, the outcome of the attempt stands. */
  async #tell<T>(tell: () => Promise<T>): Promise<T | undefined> {
    try {
      return await tell()
    } catch (err) {
      this.#options.log.warn({ err }, 'cannot record whether the channel is to pause')
      return undefined
    }
  }
}

function refusal(kind: 'skipped' | 'hard_failure', errorClass: SmsErrorClass, reason: string): Delivery {
  return { outcome: { kind, errorClass, reason } }
}
