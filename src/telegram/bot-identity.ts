import type { TelegramApi, TelegramResult } from './api.ts'

export interface BotIdentity {
  /** Its user name, without the `@`. */
  readonly username: string
  readonly canJoinGroups: boolean
}

/** Who the bot is, as Telegram knows it. Waits `timeoutMs` at most. */
export async function identifyBot(api: TelegramApi, timeoutMs: number): Promise<TelegramResult<BotIdentity>> {
  const timer = setTimeout(() => api.close(), timeoutMs)
  const answer = await api.call((methods) => methods.getMe())
  clearTimeout(timer)
  if (!answer.ok) return answer
  const { username, can_join_groups: canJoinGroups } = answer.result
  return { ok: true, result: { username, canJoinGroups } }
}
