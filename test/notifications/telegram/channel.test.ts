import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { botAnswers, refusal } from '../../support/bot-api-answers.ts'
import type { BotScript } from '../../support/bot-api-server.ts'
import { makeNotice } from './notice.ts'
import { Stage } from './stage.ts'

let stage: Stage

beforeEach(async () => {
  stage = await Stage.set()
})

afterEach(() => stage.strike())

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(3_000))
const inThree = { subject: null, message: `${a}\n\n${b}\n\n${c}` }
const image = 'https://example.com/a.png'

/** Answers so to the text that begins with a letter. */
function at(letter: string, answer: ReturnType<BotScript>): BotScript {
  return ({ payload }) => (String(payload.text).startsWith(letter) ? answer : undefined)
}

function letters(): string {
  return stage.told.map((text) => text.charAt(0)).join('')
}

describe('a message', () => {
  test('goes out in parse mode HTML, and its id is kept', async () => {
    const delivery = await stage.deliver()
    expect(delivery).toMatchObject({ outcome: { kind: 'sent' }, code: 200, reply: 'message 1' })
    expect(delivery.parts).toMatchObject({ sent: [{ message_id: 1 }] })
    expect(delivery).not.toHaveProperty('recipient')
    expect(stage.server.taken).toMatchObject([
      {
        method: 'sendMessage',
        payload: { chat_id: '5', text: '<b>Subscription</b>\n\nEnds <b>tomorrow</b>.', parse_mode: 'HTML' },
      },
    ])
  })

  test('with an image and buttons goes out as a photo with both', async () => {
    const buttons = [{ text: 'Renew', url: 'https://example.com/renew' }]
    await stage.deliver({ data: { image_url: image, buttons } })
    expect(stage.server.taken).toMatchObject([
      {
        method: 'sendPhoto',
        payload: {
          photo: image,
          caption: '<b>Subscription</b>\n\nEnds <b>tomorrow</b>.',
          parse_mode: 'HTML',
          reply_markup: { inline_keyboard: [buttons] },
        },
      },
    ])
  })

  test('tells an operator what of it was left out', async () => {
    const delivery = await stage.deliver({ data: { image_url: 'nothing' } })
    expect(delivery).toMatchObject({ outcome: { kind: 'sent' }, reply: 'message 1; image_url is no http or https URL' })
  })

  test('that Telegram cannot parse goes out once more, its tags stripped and its entities decoded', async () => {
    const delivery = await stage.deliver({ subject: null, message: '<x>1 &lt; 2</x><br>&laquo;<b>yes&raquo;' })
    expect(stage.told).toEqual(['<x>1 < 2</x>\n«yes»'])
    expect(stage.server.requests.map(({ payload }) => payload.parse_mode)).toEqual(['HTML', undefined])
    expect(delivery.reply).toMatch(/^message 1; sent as plain text \(Bad Request: can't parse entities/)
  })

  test('keeps its links when Telegram cannot parse it', async () => {
    await stage.deliver({ subject: null, message: '<b>Renew <a href="https://v.example/?a=1&amp;b=2">here</a>' })
    expect(stage.told).toEqual(['Renew here (https://v.example/?a=1&b=2)'])
  })

  test('whose image and markup are both refused goes out without either', async () => {
    stage.server.follow(({ method }) => (method === 'sendPhoto' ? botAnswers.wrongImage : undefined))
    await stage.deliver({ message: '<b>open', data: { image_url: image } })
    expect(stage.server.requests.map(({ method, payload }) => [method, payload.parse_mode])).toEqual([
      ['sendPhoto', 'HTML'],
      ['sendMessage', 'HTML'],
      ['sendMessage', undefined],
    ])
    expect(stage.told).toEqual(['Subscription\n\nopen'])
  })

  test('that is but an image is refused with it', async () => {
    stage.server.follow(() => botAnswers.wrongImage)
    const delivery = await stage.deliver({ subject: null, message: null, data: { image_url: image } })
    expect(delivery.outcome).toMatchObject({ kind: 'hard_failure', errorClass: 'message_refused' })
    expect(stage.server.requests).toHaveLength(1)
  })

  test('to a group that has migrated before goes to where it lives now', async () => {
    stage.chats.migrations.set('-100', '-1001')
    const delivery = await stage.deliver({ recipient: '-100' })
    expect(delivery).toMatchObject({ outcome: { kind: 'sent' }, recipient: '-1001' })
    expect(stage.server.taken.map(({ chatId }) => chatId)).toEqual(['-1001'])
  })

  test('to groups that name each other as their successor ends', async () => {
    stage.server.follow(({ chatId }) => botAnswers.migrated(chatId === '-1' ? -2 : -1))
    const delivery = await stage.deliver({ recipient: '-1' })
    expect(delivery.outcome).toMatchObject({ kind: 'hard_failure', errorClass: 'chat_not_found' })
    expect(stage.server.requests).toHaveLength(3)
  })
})

describe('a message in three parts', () => {
  test('is sent in order, each part recorded before the next', async () => {
    const delivery = await stage.deliver(inThree)
    expect(letters()).toBe('abc')
    expect(stage.events).toEqual(['hand over', 'keep', 'hand over', 'keep', 'hand over'])
    expect(stage.chats.turns).toEqual(['5', '5', '5'])
    expect(delivery).toMatchObject({ outcome: { kind: 'sent' }, reply: 'message 1, 2, 3' })
    expect(stage.kept).toMatchObject({ sent: [{ message_id: 1 }, { message_id: 2 }] })
  })

  test.each([
    ['5xx', botAnswers.serverError, 'soft_failure'],
    ['429', botAnswers.throttled(3), 'throttled'],
    ['401', refusal(401, 'Unauthorized'), 'outage'],
    ['a lost answer', botAnswers.resetBefore, 'ambiguous'],
    ['403', botAnswers.blocked, 'hard_failure'],
  ])('stops at %s, and another attempt goes on with the rest', async (_what, answer, kind) => {
    stage.server.follow(at('b', answer))
    const { outcome, parts } = await stage.deliver(inThree)
    expect(outcome.kind).toBe(kind)
    expect(parts).toEqual(stage.kept)
    stage.server.follow()
    stage.chats.unreachables.clear()
    expect(await stage.deliver({ ...inThree, parts })).toMatchObject({ outcome: { kind: 'sent' } })
    expect(letters()).toBe('abc')
  })

  test('goes on with the rest, too, where a part went out as plain text', async () => {
    const broken = { ...inThree, message: `<b>${inThree.message}` }
    const atB = at('b', botAnswers.serverError)
    stage.server.follow((request, gone) =>
      request.payload.parse_mode === 'HTML' ? botAnswers.cannotParse : atB(request, gone),
    )
    const { outcome, parts } = await stage.deliver(broken)
    expect(outcome.kind).toBe('soft_failure')
    stage.server.follow()
    await stage.deliver({ ...broken, parts })
    expect(letters()).toBe('abc')
  })

  test('starts anew when its text was changed meanwhile', async () => {
    stage.server.follow(at('b', botAnswers.serverError))
    const { parts } = await stage.deliver(inThree)
    stage.server.follow()
    const changed = await stage.deliver({ ...inThree, message: inThree.message.replaceAll('a', 'A'), parts })
    expect(letters()).toBe('aAbc')
    expect(changed.parts).toMatchObject({ sent: [{ message_id: 2 }, { message_id: 3 }, { message_id: 4 }] })
  })

  test('goes on with the rest when only what is left was changed', async () => {
    stage.server.follow(at('b', botAnswers.serverError))
    const { parts } = await stage.deliver(inThree)
    stage.server.follow()
    await stage.deliver({ ...inThree, message: inThree.message.replaceAll('c', 'C'), parts })
    expect(letters()).toBe('abC')
  })

  test('that was sent already is not sent again', async () => {
    const { parts } = await stage.deliver(inThree)
    expect(await stage.deliver({ ...inThree, parts })).toMatchObject({ outcome: { kind: 'sent' } })
    expect(letters()).toBe('abc')
  })

  test.each([[{}], [[]], ['sent'], [{ sent: 'all' }], [{ sent: [null] }], [{ sent: [{ message_id: 1 }] }]])(
    'starts at the beginning where nothing readable is recorded: %j',
    async (parts) => {
      await stage.deliver({ ...inThree, parts })
      expect(letters()).toBe('abc')
    },
  )

  test('stops where a part cannot be recorded, for it might go out twice', async () => {
    const hold = { ...stage.hold(), keep: () => Promise.reject(new Error('no database')) }
    const delivery = await stage.channel().deliver(makeNotice(inThree), hold)
    expect(delivery).toMatchObject({ outcome: { kind: 'untouched' }, parts: { sent: [{ message_id: 1 }] } })
    expect(letters()).toBe('a')
  })
})

describe('nothing is written', () => {
  test('before its turn, which comes later', async () => {
    stage.chats.answer = () => ({ kind: 'later', delayMs: 4_000 })
    expect(await stage.deliver()).toEqual({ outcome: { kind: 'untouched', delayMs: 4_000 } })
    expect(stage.server.requests).toEqual([])
  })

  test('while nobody can say whether it may be', async () => {
    stage.chats.answer = () => Promise.reject(new Error('no database'))
    expect(await stage.deliver()).toMatchObject({ outcome: { kind: 'untouched' } })
    expect(stage.server.requests).toEqual([])
    expect(stage.log).toContain('no database')
  })

  test('once the row was withdrawn', async () => {
    stage.mayHandOver = async () => false
    expect(await stage.deliver()).toMatchObject({ outcome: { kind: 'untouched', delayMs: 0 } })
    expect(stage.server.requests).toEqual([])
  })

  test('once the lease has run out', async () => {
    stage.isLost = true
    expect(await stage.deliver()).toMatchObject({ outcome: { kind: 'untouched' } })
    expect(stage.events).toEqual([])
  })

  test('after closing', async () => {
    const channel = stage.channel()
    channel.close()
    expect(await stage.deliver({}, channel)).toMatchObject({ outcome: { kind: 'untouched', delayMs: 0 } })
    expect(stage.server.requests).toEqual([])
  })

  test('when it closes while the turn is awaited', async () => {
    const channel = stage.channel()
    stage.chats.answer = () => new Promise(() => channel.close())
    expect(await stage.deliver({}, channel)).toMatchObject({ outcome: { kind: 'untouched', delayMs: 0 } })
    expect(stage.server.requests).toEqual([])
  })

  test('when it closes while the hand-over is being recorded', async () => {
    const channel = stage.channel()
    stage.mayHandOver = async () => {
      channel.close()
      return true
    }
    expect(await stage.deliver({}, channel)).toMatchObject({ outcome: { kind: 'untouched', delayMs: 0 } })
    expect(stage.server.requests).toEqual([])
  })

  test('of the rest, when the row is withdrawn between two parts', async () => {
    let asked = 0
    stage.mayHandOver = async () => ++asked === 1
    expect(await stage.deliver(inThree)).toMatchObject({
      outcome: { kind: 'untouched' },
      parts: { sent: [{ message_id: 1 }] },
    })
    expect(letters()).toBe('a')
  })
})

test('what cannot be told to others does not change what came of it', async () => {
  const fail = () => Promise.reject(new Error('no database'))
  Object.assign(stage.chats, { pause: fail, outage: fail, passed: fail, unreachable: fail, migrate: fail })
  const answers = [botAnswers.throttled(7), botAnswers.blocked, botAnswers.wrongToken]
  const kinds = []
  for (const answer of answers) {
    stage.server.follow(() => answer)
    kinds.push((await stage.deliver()).outcome.kind)
  }
  expect(kinds).toEqual(['throttled', 'hard_failure', 'outage'])
  stage.server.follow(({ chatId }) => (chatId === '5' ? botAnswers.migrated(-100) : undefined))
  expect(await stage.deliver()).toMatchObject({ outcome: { kind: 'sent' }, recipient: '-100' })
})

test('the channel shows its host, and never its token', () => {
  const channel = stage.channel()
  expect(channel.destination).toBe(new URL(stage.server.apiRoot).host)
  expect(inspect(channel, { depth: 20, showHidden: true })).not.toContain(stage.server.token)
})
