import { expect, it } from 'vitest'
import { nextChannel } from '../../src/notifications/fallback.ts'
import type { ChannelName } from '../../src/notifications/notice.ts'

const defaults = { telegram: 'email', sms: 'sms' } as const

const cases: [what: string, type: string, eventData: unknown, channel: ChannelName | undefined, rest: ChannelName[]][] =
  [
    ['what the notice asks for', 'telegram', { fallback: ['sms', 'email'] }, 'sms', ['email']],
    ['one channel by itself', 'telegram', { fallback: 'sms' }, 'sms', []],
    ['the default where it does not say', 'telegram', { to: 'a@b.org' }, 'email', []],
    ['the default where it says null', 'telegram', { fallback: null }, 'email', []],
    ['none where it says so', 'telegram', { fallback: [] }, undefined, []],
    ['none where there is no default', 'email', {}, undefined, []],
    ['none where the default is the channel itself', 'sms', {}, undefined, []],
    ['the default where event_data is no object', 'telegram', ['fallback'], 'email', []],
    ['the default where there is no event_data', 'telegram', null, 'email', []],
    [
      'what comes besides its own channel',
      'email',
      { fallback: ['email', 'telegram', 'email', 'sms'] },
      'telegram',
      ['sms'],
    ],
    ['none for a type that is nothing', 'constructor', {}, undefined, []],
    ['a channel for a type that is none', 'push', { fallback: ['email'] }, 'email', []],
  ]
it.each(cases)('is %s', (_, type, eventData, channel, rest) => {
  expect(nextChannel({ type, eventData }, defaults)).toEqual({ channel, rest, unknown: [] })
})

it.each([
  [['pigeon', 'sms', 7, null, 'Email'], 'sms', ['"pigeon"', '7', 'null', '"Email"']],
  [['pigeon'], undefined, ['"pigeon"']],
  ['pigeon', undefined, ['"pigeon"']],
  [{ channel: 'sms' }, 'email', ['{"channel":"sms"}']],
  [true, 'email', ['true']],
])('of %j passes over what is no channel, and says so', (fallback, channel, unknown) => {
  expect(nextChannel({ type: 'telegram', eventData: { fallback } }, defaults)).toEqual({ channel, rest: [], unknown })
})
