import type { Reading } from '../runtime/reading.ts'

const channels = ['email', 'telegram', 'sms', 'system'] as const

type ChannelName = (typeof channels)[number]

/** For a channel, the one that is tried when it has failed. */
export type Fallbacks = Readonly<Partial<Record<ChannelName, ChannelName>>>

/** Reads `telegram:email, sms:email`. */
export function readFallbacks(text: string): Reading<Fallbacks> {
  const fallbacks: Partial<Record<ChannelName, ChannelName>> = {}
  for (const pair of text.split(',').map((part) => part.trim())) {
    const [from = '', to = '', ...more] = pair.split(':').map((word) => word.trim())
    if (!isChannel(from) || !isChannel(to) || more.length > 0) {
      return { reason: `has "${pair}", which is not two of ${channels.join(', ')} with a colon between them` }
    }
    if (from === to) return { reason: `has "${pair}", a channel for itself` }
    if (fallbacks[from] !== undefined) return { reason: `has two for "${from}"` }
    fallbacks[from] = to
  }
  return { value: fallbacks }
}

function isChannel(word: string): word is ChannelName {
  return channels.some((name) => name === word)
}
