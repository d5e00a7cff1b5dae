import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Sink } from '../sink.ts'
import { SinkSession, type SinkStep } from './sink-session.ts'

/** What goes wrong at one step of the dialogue. */
export interface Trouble {
  readonly at: SinkStep
  /** So often: 1 for always. */
  readonly share: number
  /** At the end of a message: the server has taken it, whatever the client comes to know. */
  readonly accepts?: true
  /** What the server does instead of its usual answer. */
  readonly act: (session: SinkSession) => void
}

/** The longest that the server thinks about a message; half of it on average. */
const longestThinkMs = 12

/** An SMTP server that counts what it has taken, and misbehaves to order. */
export class MailSink implements Sink {
  /** In [0, 1). */
  readonly #chance: () => number
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#greet(socket))
  readonly #sockets = new Set<Socket>()
  readonly #stalled = new Set<SinkSession>()
  readonly #deferredOnce = new Set<string>()
  /** For each Message-ID: how often it was accepted for each recipient. */
  readonly deliveries = new Map<string, Map<string, number>>()
  /** Recipients of transactions that were refused for good at some step. */
  readonly refused = new Set<string>()
  accepted = 0
  #trouble: Trouble | undefined

  constructor(chance: () => number) {
    this.#chance = chance
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  misbehave(trouble: Trouble): void {
    this.#trouble = trouble
    // Connections are kept: without this hardly anybody would meet a greeting.
    if (trouble.at === 'greeting') for (const socket of this.#sockets) socket.destroy()
  }

  stallAnswers(): void {
    this.misbehave({ at: 'message', share: 1, accepts: true, act: (session) => session.stall() })
  }

  behave({ wake }: { readonly wake: boolean }): void {
    this.#trouble = undefined
    if (wake) for (const session of this.#stalled) session.wake()
    this.#stalled.clear()
  }

  /** The trouble of this connection at this step, if any. */
  troubleAt(step: SinkStep): Trouble | undefined {
    const trouble = this.#trouble
    return trouble?.at === step && this.#chance() < trouble.share ? trouble : undefined
  }

  get thinkMs(): number {
    return this.#chance() * longestThinkMs
  }

  /** True the first time for an address that is to be deferred once. */
  defers(address: string): boolean {
    if (!address.startsWith('defer') || this.#deferredOnce.has(address)) return false
    this.#deferredOnce.add(address)
    return true
  }

  accept(messageId: string, recipients: readonly string[]): void {
    this.accepted += 1
    const counts = this.deliveries.get(messageId) ?? new Map<string, number>()
    this.deliveries.set(messageId, counts)
    for (const recipient of recipients) counts.set(recipient, (counts.get(recipient) ?? 0) + 1)
  }

  refuse(recipients: readonly string[]): void {
    for (const recipient of recipients) this.refused.add(recipient)
  }

  /** Sessions that wait without an answer. */
  get stalled(): number {
    return this.#stalled.size
  }

  keepStalled(session: SinkSession): void {
    this.#stalled.add(session)
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    const session = new SinkSession(this, socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#stalled.delete(session)
    })
    session.begin()
  }
}
