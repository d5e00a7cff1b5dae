import type { ChannelName } from '../notifications/notice.ts'
import type { SweepSettings } from './settings.ts'
import type { Subscription } from './subscription.ts'

/** Somebody to tell, through one channel. */
export interface Recipient {
  readonly channel: ChannelName
  /** Address, chat id or phone number; null in the application. */
  readonly address: string | null
  /** What `event_data` has to say of it; nothing where it is the company's own contact. */
  readonly data: Readonly<Record<string, unknown>>
}

/** Who is told of a subscription, through which of the channels: a portrait's client by e-mail, where there is one, else the company. */
export function recipientsOf(
  { company, clientEmail }: Subscription,
  channels: readonly ChannelName[],
): readonly Recipient[] {
  const contacts: Record<ChannelName, string | null> = {
    email: company.email,
    telegram: company.telegram,
    sms: company.phone,
    system: null,
  }
  // The company is not to hear instead of its client.
  if (clientEmail !== null) {
    const data = { to: clientEmail, fallback: [] }
    return channels.includes('email') ? [{ channel: 'email', address: clientEmail, data }] : []
  }
  return channels
    .filter((channel) => channel === 'system' || contacts[channel] !== null)
    .map((channel) => ({ channel, address: contacts[channel], data: {} }))
}

/** The administrator, as far as the configuration says how to reach him. */
export function administrators({ admin }: SweepSettings, channels: readonly ChannelName[]): readonly Recipient[] {
  const { email, telegramChatId } = admin
  const reached: Recipient[] = []
  if (email !== undefined && channels.includes('email'))
    reached.push({ channel: 'email', address: email, data: { to: email } })
  if (telegramChatId !== undefined && channels.includes('telegram'))
    reached.push({ channel: 'telegram', address: telegramChatId, data: { chat_id: telegramChatId } })
  return reached
}
