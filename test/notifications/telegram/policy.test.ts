import { describe, expect, test } from 'vitest'
import { judge, type Offer } from '../../../src/notifications/channels/telegram/policy.ts'
import type { TelegramFault } from '../../../src/telegram/api.ts'

const offer: Offer = { plain: false, image: false, text: true, closing: false }

function refused(code: number, description: string): TelegramFault {
  return { kind: 'refused', code, description }
}

test.each([
  [403, 'Forbidden: bot was blocked by the user', 'bot_blocked'],
  [403, 'Forbidden: bot was kicked from the group chat', 'bot_kicked'],
  [403, 'Forbidden: bot was kicked from the channel chat', 'bot_kicked'],
  [403, 'Forbidden: bot is not a member of the supergroup chat', 'bot_kicked'],
  [403, 'Forbidden: user is deactivated', 'user_deactivated'],
  [403, 'Forbidden: the group chat was deleted', 'chat_not_found'],
  [403, "Forbidden: bot can't initiate conversation with a user", 'bot_not_started'],
  [403, "Forbidden: bot can't send messages to bots", 'bot_not_started'],
  [400, 'Bad Request: chat not found', 'chat_not_found'],
  [400, 'Bad Request: private chat not found', 'chat_not_found'],
  [400, 'Bad Request: group chat was upgraded to a supergroup chat', 'chat_not_found'],
  [400, 'Bad Request: PEER_ID_INVALID', 'chat_not_found'],
  [400, 'Bad Request: not enough rights to send text messages to the chat', 'no_rights'],
  [400, 'Bad Request: have no rights to send a message', 'no_rights'],
  [400, 'Bad Request: need administrator rights in the channel chat', 'no_rights'],
  [400, 'Bad Request: CHAT_WRITE_FORBIDDEN', 'no_rights'],
  [400, 'Bad Request: CHAT_GUEST_SEND_FORBIDDEN', 'no_rights'],
  [403, 'Forbidden: something new', 'no_rights'],
])('%i %s makes the chat unreachable', (code, description, errorClass) => {
  const reason = expect.stringContaining(`(${code}: ${description})`)
  expect(judge(refused(code, description), offer)).toEqual({ kind: 'unreachable', errorClass, reason })
})

test.each([
  `can't parse entities: Unsupported start tag "kicked" at byte offset 0`,
  "inline keyboard button URL 'https://localhost/rights' is invalid: Wrong HTTP URL",
])('what Telegram quotes of a message says nothing about its chat: %s', (description) => {
  const verdict = judge(refused(400, `Bad Request: ${description}`), { ...offer, plain: true })
  expect(verdict).toMatchObject({ kind: 'ended', outcome: { kind: 'hard_failure', errorClass: 'message_refused' } })
})

describe('a refused image', () => {
  const withImage = { ...offer, image: true }
  const again = { kind: 'again', form: { plain: false, image: false } }

  test.each([
    'wrong type of the web page content',
    'failed to get HTTP URL content',
    'PHOTO_INVALID_DIMENSIONS',
    'not enough rights to send photos to the chat',
  ])('is left out: %s', (description) => {
    expect(judge(refused(400, `Bad Request: ${description}`), withImage)).toEqual(again)
  })

  test('is the end where there is no text', () => {
    const verdict = judge(refused(400, 'Bad Request: IMAGE_PROCESS_FAILED'), { ...withImage, text: false })
    expect(verdict).toMatchObject({ kind: 'ended', outcome: { kind: 'hard_failure', errorClass: 'message_refused' } })
  })

  test('does not matter where there is no chat', () => {
    expect(judge(refused(400, 'Bad Request: chat not found'), withImage)).toMatchObject({ kind: 'unreachable' })
  })
})

test('markup that cannot be parsed is left out before the image is', () => {
  const cannotParse = refused(400, "Bad Request: can't parse entities: Unexpected end tag at byte offset 3")
  expect(judge(cannotParse, { ...offer, image: true })).toEqual({ kind: 'again', form: { plain: true, image: true } })
})

test.each([
  ['', 400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"],
  [' as plain text', 400, "Bad Request: can't parse entities"],
  ['', 400, 'Bad Request: text is too long'],
  ['', 413, 'Request Entity Too Large'],
])('a message%s that is refused with %i %s ends in a hard failure', (as, code, description) => {
  const verdict = judge(refused(code, description), { ...offer, plain: as !== '' })
  expect(verdict).toMatchObject({ kind: 'ended', outcome: { kind: 'hard_failure', errorClass: 'message_refused' } })
})

test.each([401, 404, 421])('%i says that the token is wrong', (code) => {
  expect(judge(refused(code, 'Unauthorized'), offer)).toMatchObject({ kind: 'outage', errorClass: 'login_refused' })
})

test.each([
  ['Telegram', { ...refused(429, 'Too Many Requests'), retryAfterSeconds: 7 }, 7_000],
  ['Telegram without a time', refused(429, 'Too Many Requests'), 30_000],
  ['something on the way', { kind: 'turned_away', code: 429, description: 'nginx' } as const, 30_000],
])('429 of %s pauses the bot', (_who, fault, forMs) => {
  expect(judge(fault, offer)).toMatchObject({ kind: 'throttled', errorClass: 'throttled', forMs })
})

describe('while the channel is closing', () => {
  const closing = { ...offer, closing: true }

  test('a lost answer says nothing about the message', () => {
    const verdict = judge({ kind: 'lost', description: 'aborted' }, closing)
    expect(verdict).toMatchObject({ kind: 'ended', outcome: { kind: 'ambiguous', retryAfterMs: 0 } })
  })

  test('what was not written is untouched', () => {
    expect(judge({ kind: 'withdrawn', description: 'aborted' }, closing)).toEqual({ kind: 'untouched' })
  })

  test('an answer counts as it always does', () => {
    expect(judge(refused(403, 'Forbidden: bot was blocked by the user'), closing)).toMatchObject({
      kind: 'unreachable',
    })
  })
})
