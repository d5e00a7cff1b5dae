import type { JsonObject } from '../../db/schema.ts'
import { readPhoneNumber } from '../../notifications/channels/sms/phone-number.ts'
import type { ChannelName } from '../../notifications/notice.ts'
import { usageError } from '../cli-error.ts'
import { readRecipients } from '../email/recipients.ts'

/** A number, or the public name of a channel or group. */
const chat = /^(?:-?\d{1,20}|@[a-z]\w{3,31})$/i

/** What `event_data` says of whom a notification goes to, as its channel reads it. */
export function readRecipient(channel: ChannelName, to: string | undefined): JsonObject {
  if (to === undefined) return {}
  switch (channel) {
    case 'email':
      return { to: readRecipients({ to: [to] }).to }
    case 'telegram':
      if (!chat.test(to)) throw usageError(`--to ${JSON.stringify(to)} is no chat`, 'write the id of a chat, or @name')
      return { chat_id: to }
    case 'sms':
      return { phone: readPhone(to) }
    case 'system':
      throw usageError('what is told in the application goes to a company', 'give --company instead of --to')
  }
}

function readPhone(to: string): string {
  const number = readPhoneNumber(to)
  if ('reason' in number) throw usageError(`--to ${JSON.stringify(to)} ${number.reason}`, 'write +79123456789')
  return number.value
}

/** The name in `event_data` that says whom a channel goes to. */
export const recipientNames: Readonly<Record<ChannelName, string | undefined>> = {
  email: 'to',
  telegram: 'chat_id',
  sms: 'phone',
  system: undefined,
}
