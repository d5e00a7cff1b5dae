import { readBackoff } from './backoff.ts'
import { readFallbacks } from './fallbacks.ts'
import { decimalNumber, matching, oneOf, readBy, wholeNumber } from './schemas.ts'
import { readTimeZone } from './time-zone.ts'
import { readApiRoot, readGatewayUrl, readServerRoot } from './urls.ts'
import type { Variable } from './variables.ts'

/** The variables of what the notifications worker does. */
export const notificationVariables = {
  NOTIFICATIONS_CONCURRENCY: {
    group: 'Notifications',
    description: 'Notifications that a process has under way at once, for each channel.',
    schema: wholeNumber(1, 200),
    default: '10',
  },
  NOTIFICATIONS_LEASE_SECONDS: {
    group: 'Notifications',
    description: 'How long a claim on a notification holds without being renewed, in seconds.',
    schema: wholeNumber(5, 3_600),
    default: '60',
  },
  NOTIFICATIONS_POLL_SECONDS: {
    group: 'Notifications',
    description: 'The time between two looks for due notifications when no NOTIFY arrives, in seconds.',
    schema: decimalNumber(0.05, 60),
    default: '1',
  },
  NOTIFICATIONS_BACKOFF: {
    group: 'Notifications',
    description: 'The first and the last delay between attempts, as `EMAIL_BACKOFF` has them for mail.',
    schema: readBy(
      'two durations such as `2m-4h` (units `ms`, `s`, `m`, `h`, `d`; at most 30d), the first not longer than the last',
      readBackoff,
    ),
    default: '2m-4h',
  },
  NOTIFICATIONS_GROUP_SECONDS: {
    group: 'Notifications',
    description:
      'How long a notification of low or normal priority with a `group_id` waits for others of its group, to go out with them as one, in seconds; 0 for not at all.',
    schema: wholeNumber(0, 3_600),
    default: '60',
  },
  NOTIFICATIONS_FALLBACK: {
    group: 'Notifications',
    description:
      'The channel that is tried when another has failed, for notifications whose `event_data` does not say. [notifications.md](notifications.md#when-a-channel-fails) says more.',
    schema: readBy('pairs between commas, such as `telegram:email, sms:email`', readFallbacks),
    unset: 'none is tried',
  },
  DEFAULT_TIMEZONE: {
    group: 'Notifications',
    description: 'The time zone of companies that do not say theirs, or say one that does not exist.',
    schema: readBy('an IANA name such as `Europe/Moscow`', readTimeZone),
    default: 'Europe/Moscow',
  },
  TELEGRAM_BOT_TOKEN: {
    group: 'Telegram',
    description: 'The bot that sends Telegram notifications.',
    schema: matching('a token as BotFather gives it: digits, a colon, letters', /^\d+:[\w-]+$/),
    unset: 'the local outbox on the embedded database; on any other, such notifications are skipped',
    secret: true,
  },
  TELEGRAM_API_ROOT: {
    group: 'Telegram',
    description: 'Another Bot API server, or `outbox:` for the local outbox.',
    schema: readBy('`https://host:port`, `http://…`, or `outbox:`', readApiRoot),
    default: 'https://api.telegram.org',
  },
  TELEGRAM_PER_SECOND: {
    group: 'Telegram',
    description: 'Messages a second at most, of all processes together.',
    schema: wholeNumber(1, 10_000),
    default: '30',
  },
  TELEGRAM_CHAT_PER_SECOND: {
    group: 'Telegram',
    description: 'Messages a second at most to one chat, over a while.',
    schema: decimalNumber(0.01, 1_000),
    default: '1',
  },
  TELEGRAM_CHAT_BURST: {
    group: 'Telegram',
    description: 'Messages at most to one chat right after each other, when there were none before.',
    schema: wholeNumber(1, 100),
    default: '3',
  },
  TELEGRAM_GROUP_PER_MINUTE: {
    group: 'Telegram',
    description: 'Messages at most to one group or channel within any minute.',
    schema: wholeNumber(1, 1_000),
    default: '20',
  },
  TWILIO_ACCOUNT_SID: {
    group: 'SMS',
    description:
      'The Twilio account that sends SMS. The first three `TWILIO_` variables are given together, or none of them.',
    schema: matching('a SID: AC and 32 hexadecimal digits', /^AC[0-9a-f]{32}$/i),
    unset: 'SMS go through `SMS_GATEWAY_URL`; without that they are skipped',
  },
  TWILIO_AUTH_TOKEN: {
    group: 'SMS',
    description: "The account's token.",
    schema: matching('a token without white space', /^\S+$/),
    unset: 'as above',
    secret: true,
  },
  TWILIO_FROM: {
    group: 'SMS',
    description: 'Who the SMS come from.',
    schema: matching(
      'a number such as `+15005550006`, a messaging service (`MG` and 32 digits), or a sender name of at most 11 letters',
      /^(\+\d{5,15}|MG[0-9a-f]{32}|[a-z0-9 ]{1,11})$/i,
    ),
    unset: 'as above',
  },
  TWILIO_API_ROOT: {
    group: 'SMS',
    description: "Another server that speaks Twilio's API.",
    schema: readBy('`https://host:port` or `http://…`', readServerRoot),
    default: 'https://api.twilio.com',
  },
  SMS_GATEWAY_URL: {
    group: 'SMS',
    description:
      'An HTTP gateway that sends SMS: its address, with `{to}` and `{text}` where number and text belong. Twilio goes first where both are given.',
    schema: readBy('`https://host/path?to={to}&text={text}` or `http://…`', readGatewayUrl),
    unset: 'SMS go through Twilio; without that they are skipped',
    secret: true,
  },
  SMS_GATEWAY_METHOD: {
    group: 'SMS',
    description: 'How the gateway is asked. With `POST` what stands behind the `?` is sent as a form.',
    schema: oneOf(['GET', 'POST']),
    default: 'GET',
  },
} as const satisfies Record<string, Variable>
