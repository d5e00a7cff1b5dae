import { createHash } from 'node:crypto'
import type { Ledger, Message } from './ledger.ts'

/**
 * What comes of a message is decided by its name, so that the database can find out by itself: the first two digits of its MD5 sum,
 * below each of these. Most are sent.
 */
export const fates = { failed: '0c', held: '18', sending: '60' } as const

/** What workers that are up do at this moment: they end what they have begun, and begin what is due. */
export function deliver(ledger: Ledger, now: number): void {
  for (const message of ledger.messages()) {
    if (message.needsFallback) ledger.change(message, { needsFallback: false })
    if (message.status === 'sending') {
      ledger.change(message, { status: 'sent', mail: message.mail === 'pending' ? 'sent' : message.mail })
    }
  }
  for (const message of ledger.messages()) {
    if (message.status === 'pending' && message.scheduledAt <= now) begin(ledger, message, now)
  }
}

function begin(ledger: Ledger, message: Message, now: number): void {
  const status = fateOf(message, now)
  const needsFallback = status === 'failed' || status === 'skipped'
  const mail = status === 'sending' && message.channel === 'email' ? 'pending' : null
  ledger.change(message, { status, needsFallback, mail: message.mail ?? mail })
}

function fateOf({ key, channel, recipient, notAfter }: Message, now: number): string {
  if (notAfter !== null && notAfter <= now) return 'expired'
  if (channel !== 'system' && recipient === null) return 'skipped'
  const sum = createHash('md5')
    .update(key.replace(/ #\d+$/, ''))
    .digest('hex')
    .slice(0, 2)
  if (sum < fates.failed) return 'failed'
  if (sum < fates.held) return 'held'
  return sum < fates.sending ? 'sending' : 'sent'
}

/** Whether a delivery at that moment would find anything to do. */
export function hasWork(ledger: Ledger, now: number): boolean {
  for (const { status, needsFallback, scheduledAt } of ledger.messages()) {
    if (needsFallback || status === 'sending' || (status === 'pending' && scheduledAt <= now)) return true
  }
  return false
}
