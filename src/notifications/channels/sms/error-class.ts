/** The words that `notifications.error_class` holds for SMS and operators filter by, each with what it says. */
export const smsErrorClasses = {
  channel_unconfigured: 'no SMS provider is configured',
  no_recipient: 'neither the row nor its company names a phone number',
  phone_invalid: 'not a number that a phone can have',
  not_mobile: 'the number takes no SMS: a landline, or no mobile number',
  number_unreachable: 'the provider has no way to reach the number',
  unsubscribed: 'the recipient has asked for no more messages',
  not_permitted: 'our account may not send to this number or country',
  message_empty: 'the row has neither a subject nor a message',
  message_refused: 'the provider refused the message',
  sender_refused: 'the provider refuses our sender',
  login_refused: 'the provider refuses our login',
  account_inactive: 'our account with the provider is not active, or has run out of money',
  misdirected: 'the address that is configured is not where SMS are sent',
  throttled: 'the provider asks for fewer messages',
  server_unavailable: 'the provider cannot take messages now',
  unreachable: 'the provider cannot be reached',
  answer_lost: 'the message was handed over, but its answer never came or cannot be read: it may have arrived',
} as const

export type SmsErrorClass = keyof typeof smsErrorClasses
