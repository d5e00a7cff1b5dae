import type { MessageWords } from './message-words.ts'
import { formatExactTime } from './times.ts'

interface Queued {
  readonly id: number
  /** False where a message with the same key was there already. */
  readonly created: boolean
  readonly status: string
}

interface Wanted {
  readonly words: MessageWords
  readonly scheduledAt: Date | null
  readonly dedupKey: string | null
  readonly now: Date
}

/** What came of putting a message into its queue. */
export function describeQueued({ id, created, status }: Queued, { words, scheduledAt, dedupKey, now }: Wanted): string {
  const { noun, command } = words
  if (!created) {
    const name = noun.replace(/^./, (first) => first.toUpperCase())
    return `${name} ${id} (${status}) has the key ${JSON.stringify(dedupKey)} already; nothing was added.\nLook at it with: ${command} show ${id}`
  }
  const later = scheduledAt !== null && scheduledAt > now ? ` for ${formatExactTime(scheduledAt, now)}` : ''
  return `Queued ${noun} ${id}${later}.\nFollow it with: ${command} show ${id}`
}
