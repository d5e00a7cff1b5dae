import { Readable } from 'node:stream'
import type { HandedOver } from './smtp-exchange.ts'

/** Bytes given away at a time, so that "all of it is on its way" is not said of a message of which most still waits here. */
const sliceBytes = 64 * 1024

/** A message as a stream that asks once before it gives the first byte away, and knows how much of it has been taken. */
export class MessageStream extends Readable {
  readonly #message: Buffer
  readonly #handOver: () => Promise<boolean>
  readonly #onWithdrawn: () => void
  #asked = false
  #offset = 0

  constructor(message: Buffer, handOver: () => Promise<boolean>, onWithdrawn: () => void) {
    super({ highWaterMark: sliceBytes })
    this.#message = message
    this.#handOver = handOver
    this.#onWithdrawn = onWithdrawn
  }

  get handedOver(): HandedOver {
    if (this.#offset === 0) return 'nothing'
    return this.#offset < this.#message.length ? 'part' : 'all'
  }

  /** Called for the first time when the server has said go on. */
  override _read(): void {
    if (this.#asked) this.#pushSlice()
    else void this.#ask()
  }

  async #ask(): Promise<void> {
    this.#asked = true
    const granted = await this.#handOver().catch(() => false)
    if (this.destroyed) return
    if (granted) this.#pushSlice()
    else this.#onWithdrawn()
  }

  #pushSlice(): void {
    const slice = this.#message.subarray(this.#offset, this.#offset + sliceBytes)
    this.#offset += slice.length
    this.push(slice)
    if (this.#offset >= this.#message.length) this.push(null)
  }
}
