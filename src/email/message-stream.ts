import { Readable } from 'node:stream'
import type { HandedOver } from './smtp-exchange.ts'

/** Bytes given away at a time, so that "all of it is on its way" is not said of a message of which most still waits here. */
const sliceBytes = 64 * 1024

/** A message as a stream that knows how much of it has been taken. */
export class MessageStream extends Readable {
  readonly #message: Buffer
  #offset = 0

  constructor(message: Buffer) {
    super({ highWaterMark: sliceBytes })
    this.#message = message
  }

  get handedOver(): HandedOver {
    if (this.#offset === 0) return 'nothing'
    return this.#offset < this.#message.length ? 'part' : 'all'
  }

  override _read(): void {
    const slice = this.#message.subarray(this.#offset, this.#offset + sliceBytes)
    this.#offset += slice.length
    this.push(slice)
    if (this.#offset >= this.#message.length) this.push(null)
  }
}
