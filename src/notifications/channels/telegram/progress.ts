import { createHash } from 'node:crypto'
import type { Part } from './message.ts'

/** One part that Telegram has taken, as `notifications.parts` keeps it: `{"sent": [{"message_id": 17, "text": "…"}]}`. */
export interface SentPart {
  readonly message_id: number
  /** A digest of what it said, by which the part is known again. */
  readonly text: string
}

/**
 * What of these parts Telegram has taken already. Nothing, when what it has taken is not how they begin: the text was changed meanwhile,
 * and the rest of a new text below the beginning of an old one would say neither.
 */
export function readProgress(recorded: unknown, parts: readonly Part[]): readonly SentPart[] {
  const sent = readSent(recorded)
  const isBeginning = sent.every(({ text }, index) => {
    const part = parts[index]
    return part !== undefined && text === digestOf(part)
  })
  return isBeginning ? sent : []
}

export function sentPart(part: Part, messageId: number): SentPart {
  return { message_id: messageId, text: digestOf(part) }
}

/** Any program may have written anything. */
function readSent(recorded: unknown): SentPart[] {
  if (typeof recorded !== 'object' || recorded === null || !('sent' in recorded)) return []
  const { sent } = recorded
  return Array.isArray(sent) && sent.every(isSentPart) ? sent : []
}

function isSentPart(part: unknown): part is SentPart {
  return typeof part === 'object' && part !== null && 'message_id' in part && 'text' in part
}

function digestOf({ html, imageUrl = '' }: Part): string {
  return createHash('sha256').update(`${imageUrl}\n${html}`).digest('base64url').slice(0, 16)
}
