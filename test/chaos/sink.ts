/** A server that counts what it has taken, and misbehaves to order. */
export interface Sink {
  /** How often it has taken something. */
  readonly accepted: number
  /** Clients that wait for an answer, and get none. */
  readonly stalled: number
  /** For each message: how often each piece of it was taken, such as the mail for a recipient or the part of a long text. */
  readonly deliveries: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Whom, or what, it has refused for good at some time. */
  readonly refused: ReadonlySet<string>
  start(): Promise<void>
  stop(): Promise<void>
  /** From now on takes what comes, and does not answer. */
  stallAnswers(): void
  /** Behaves from now on; with `wake` it also answers, late, where it had stalled. */
  behave({ wake }: { readonly wake: boolean }): void
}
