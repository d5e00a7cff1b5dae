import type { SmsErrorClass } from '../../../src/notifications/channels/sms/error-class.ts'
import type { Outcome } from '../../../src/queue/outcome.ts'
import type { Reaction } from './scripted-server.ts'

/** One answer of an SMS provider, what is made of it, and what the server has to do for it. */
export interface SmsCell {
  readonly channel: 'SMS (Twilio)' | 'SMS (gateway)' | 'SMS'
  /** In plain words. */
  readonly answer: string
  readonly outcome: Outcome['kind']
  readonly errorClass: SmsErrorClass | null
  /** Of the row, after the first of three attempts. */
  readonly status: 'sent' | 'pending' | 'failed' | 'skipped'
  /** What else it changes; empty for nothing. */
  readonly also: string
  /** What the server does; `refuse`: there is none; `unknown`: nor is there such a host; `unasked`: it is never asked. */
  readonly server: Reaction | 'refuse' | 'unknown' | 'unasked'
  readonly recipient?: string | null
  readonly subject?: null
  readonly driver?: 'none'
  readonly providerCode?: string
  /** How long the channel pauses, in milliseconds. */
  readonly pauseMs?: number
}

type Sketch = Omit<SmsCell, 'channel' | 'status' | 'also'> & { readonly also?: string }

const statuses: Readonly<Record<Outcome['kind'], SmsCell['status']>> = {
  sent: 'sent',
  soft_failure: 'pending',
  throttled: 'pending',
  outage: 'pending',
  ambiguous: 'pending',
  hard_failure: 'failed',
  skipped: 'skipped',
}

const givenBack = 'the attempt is given back'
const twice = 'counts as an attempt; it may arrive twice'

const unasked: readonly Sketch[] = [
  {
    answer: 'no provider is configured',
    outcome: 'skipped',
    errorClass: 'channel_unconfigured',
    driver: 'none',
    server: 'unasked',
  },
  {
    answer: 'neither the row nor its company has a number',
    outcome: 'skipped',
    errorClass: 'no_recipient',
    recipient: null,
    server: 'unasked',
  },
  {
    answer: 'the number cannot be one',
    outcome: 'hard_failure',
    errorClass: 'phone_invalid',
    recipient: '8 (912) 345',
    server: 'unasked',
  },
  {
    answer: 'the row has neither subject nor message',
    outcome: 'hard_failure',
    errorClass: 'message_empty',
    subject: null,
    server: 'unasked',
  },
]

const twilioHard: readonly Sketch[] = (
  [
    [21211, "the 'To' number is invalid", 'phone_invalid'],
    [21217, 'no phone has such a number', 'phone_invalid'],
    [21265, "the 'To' number is a short code", 'phone_invalid'],
    [21614, "the 'To' number is no mobile number", 'not_mobile'],
    [21635, "the 'To' number is a landline", 'not_mobile'],
    [21214, "the 'To' number cannot be reached", 'number_unreachable'],
    [21612, "no route between 'To' and 'From'", 'number_unreachable'],
    [21610, 'the recipient has unsubscribed', 'unsubscribed'],
    [21408, 'the region is not permitted', 'not_permitted'],
    [21608, 'a trial account, and an unverified number', 'not_permitted'],
    [21606, 'the sender cannot write to this number', 'sender_refused'],
    [21659, "the sender is not of the number's country", 'sender_refused'],
    [21602, 'anything else', 'message_refused'],
  ] as const
).map(([code, answer, errorClass]) => refusal(400, code, { answer, outcome: 'hard_failure', errorClass }))

const twilioOutages: readonly Sketch[] = (
  [
    [401, 20003, 'the login is refused', 'login_refused'],
    [403, 20403, 'forbidden', 'login_refused'],
    [400, 20005, 'the account is not active', 'account_inactive'],
    [400, 21212, 'the sender is invalid', 'sender_refused'],
    [400, 21603, 'the sender is missing', 'sender_refused'],
    [400, 21660, 'the sender is of another account', 'sender_refused'],
    [400, 21661, 'the sender cannot send SMS', 'sender_refused'],
    [404, 20404, 'there is no such account', 'misdirected'],
  ] as const
).map(([status, code, answer, errorClass]) => refusal(status, code, { answer, outcome: 'outage', errorClass }))

const twilio: readonly Sketch[] = [
  {
    answer: '201 with the SID of a message',
    outcome: 'sent',
    errorClass: null,
    server: { status: 201, body: '{"sid":"SM1","status":"queued"}' },
  },
  ...twilioHard,
  refusal(
    429,
    20429,
    { answer: 'too many requests', outcome: 'throttled', errorClass: 'throttled' },
    { 'Retry-After': '7' },
  ),
  refusal(429, 20429, {
    answer: 'too many requests, without Retry-After',
    outcome: 'throttled',
    errorClass: 'throttled',
  }),
  refusal(400, 21611, { answer: "the sender's queue is full", outcome: 'throttled', errorClass: 'throttled' }),
  ...twilioOutages,
]

/** What both providers mean by it. */
const common: readonly Sketch[] = [
  ...[500, 502, 503].map(
    (status): Sketch => ({
      answer: `${status}`,
      outcome: 'soft_failure',
      errorClass: 'server_unavailable',
      server: { status, body: 'out of order' },
    }),
  ),
  paused({
    answer: '302, to another address',
    outcome: 'outage',
    errorClass: 'misdirected',
    server: { status: 302, headers: { Location: 'https://elsewhere.invalid/' } },
  }),
  { answer: 'the connection is refused', outcome: 'soft_failure', errorClass: 'unreachable', server: 'refuse' },
  { answer: 'the host has no address', outcome: 'soft_failure', errorClass: 'unreachable', server: 'unknown' },
  {
    answer: 'the connection breaks after the request',
    outcome: 'ambiguous',
    errorClass: 'answer_lost',
    also: twice,
    server: 'reset',
  },
  {
    answer: 'no answer in time',
    outcome: 'ambiguous',
    errorClass: 'answer_lost',
    also: twice,
    server: 'silence',
  },
  {
    answer: '201, and the connection breaks in the middle of the answer',
    outcome: 'ambiguous',
    errorClass: 'answer_lost',
    also: twice,
    server: 'cut',
  },
]

const gateway: readonly Sketch[] = [
  ...[200, 202, 204].map(
    (status): Sketch => ({ answer: `${status}`, outcome: 'sent', errorClass: null, server: { status } }),
  ),
  ...[400, 404, 422].map(
    (status): Sketch => ({
      answer: `${status}`,
      outcome: 'hard_failure',
      errorClass: 'message_refused',
      server: { status, body: 'bad number' },
    }),
  ),
  paused(
    {
      answer: '429 with Retry-After',
      outcome: 'throttled',
      errorClass: 'throttled',
      server: { status: 429, headers: { 'Retry-After': '5' } },
    },
    5_000,
  ),
  paused({ answer: '429 without it', outcome: 'throttled', errorClass: 'throttled', server: { status: 429 } }),
  ...[401, 403].map((status) =>
    paused({ answer: `${status}`, outcome: 'outage', errorClass: 'login_refused', server: { status } }),
  ),
  paused({ answer: '402: no money', outcome: 'outage', errorClass: 'account_inactive', server: { status: 402 } }),
]

/** Every answer of an SMS provider, and what comes of it. */
export const smsMatrix: readonly SmsCell[] = [
  ...cells('SMS', unasked),
  ...cells('SMS (Twilio)', [
    ...twilio,
    ...common,
    {
      answer: '200 that cannot be read',
      outcome: 'ambiguous',
      errorClass: 'answer_lost',
      also: twice,
      server: { status: 200, body: '<html>Welcome to the café</html>' },
    },
  ]),
  ...cells('SMS (gateway)', [...gateway, ...common]),
]

function cells(channel: SmsCell['channel'], sketches: readonly Sketch[]): SmsCell[] {
  return sketches.map((sketch) => ({ channel, also: '', ...sketch, status: statuses[sketch.outcome] }))
}

/** Twilio's way to refuse. */
function refusal(
  status: number,
  code: number,
  { answer, ...meant }: Pick<SmsCell, 'answer' | 'outcome' | 'errorClass'>,
  headers: Readonly<Record<string, string>> = {},
): Sketch {
  const body = JSON.stringify({
    code,
    message: answer,
    more_info: `https://www.twilio.com/docs/errors/${code}`,
    status,
  })
  const server = { status, headers: { 'Content-Type': 'application/json', ...headers }, body }
  const sketch = { ...meant, answer: `${status} with ${code}: ${answer}`, providerCode: String(code), server }
  if (meant.outcome === 'hard_failure') return sketch
  return paused(sketch, Number(headers['Retry-After'] ?? 1) * 1_000)
}

function paused(sketch: Omit<Sketch, 'also'>, pauseMs = 1_000): Sketch {
  const pauses = `the whole channel pauses for ${pauseMs / 1_000} s`
  const longer = sketch.outcome === 'outage' ? `, up to a minute as it goes on` : ''
  return { ...sketch, pauseMs, also: `${givenBack}; ${pauses}${longer}` }
}
