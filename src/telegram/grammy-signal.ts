import type { Api } from 'grammy'

type GrammySignal = NonNullable<Parameters<Api['getMe']>[0]>

/** The same signal. grammY's types name the class of a package from before Node.js had one; it only listens for `abort`. */
export function grammySignal(signal: AbortSignal): GrammySignal {
  return signal as unknown as GrammySignal
}
