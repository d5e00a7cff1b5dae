import type { BotRequest } from './bot-api-server.ts'

export interface SendLimits {
  /** Messages of the whole bot. */
  readonly perSecond: number
  /** Messages to one chat, over time, and at once. */
  readonly chatPerSecond: number
  readonly chatBurst: number
  /** Messages to one group, whose id is negative. */
  readonly groupPerMinute: number
  /** How much closer together than they left two requests may arrive: what the way there takes, more or less. */
  readonly jitterMs: number
}

/** What went over a limit, a sentence each; empty when nothing did. */
export function violationsOf(requests: readonly BotRequest[], limits: SendLimits): string[] {
  const sent = requests.filter(({ method }) => method.startsWith('send')).sort((a, b) => a.at - b.at)
  const chats = Map.groupBy(sent, ({ chatId }) => chatId)
  return [
    ...crowded(sent, { name: 'the bot', most: limits.perSecond, windowMs: 1_000 - limits.jitterMs }),
    ...[...chats].flatMap(([chatId, own]) => tooFast(own, chatId, limits)),
    ...[...chats]
      .filter(([chatId]) => chatId.startsWith('-'))
      .flatMap(([name, own]) =>
        crowded(own, { name: `group ${name}`, most: limits.groupPerMinute, windowMs: 60_000 - limits.jitterMs }),
      ),
  ]
}

interface Window {
  readonly name: string
  readonly most: number
  readonly windowMs: number
}

/** More than `most` within some window of this length. */
function crowded(sent: readonly BotRequest[], { name, most, windowMs }: Window): string[] {
  return sent.flatMap((request, index) => {
    const before = sent[index - most]
    const apartMs = before && request.at - before.at
    return apartMs === undefined || apartMs >= windowMs
      ? []
      : [`${most + 1} messages of ${name} within ${apartMs.toFixed(1)} ms, where ${most} are allowed in ${windowMs} ms`]
  })
}

/** A bucket of `chatBurst` messages that fills at `chatPerSecond`. */
function tooFast(sent: readonly BotRequest[], chatId: string, limits: SendLimits): string[] {
  const everyMs = 1_000 / limits.chatPerSecond
  let emptyUntil = Number.NEGATIVE_INFINITY
  return sent.flatMap(({ at }) => {
    const earliest = emptyUntil - (limits.chatBurst - 1) * everyMs - limits.jitterMs
    emptyUntil = Math.max(emptyUntil, at) + everyMs
    return at >= earliest ? [] : [`chat ${chatId}: a message ${(earliest - at).toFixed(1)} ms too early`]
  })
}
