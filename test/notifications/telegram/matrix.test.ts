import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Delivery } from '../../../src/notifications/channel.ts'
import { settle } from '../../../src/queue/settlement.ts'
import { type Aside, type MatrixEntry, telegramMatrix } from './matrix.ts'
import { Stage } from './stage.ts'

let stage: Stage

beforeEach(async () => {
  stage = await Stage.set()
})

afterEach(() => stage.strike())

const backoff = { firstMs: 1, lastMs: 1 }

function settlementOf({ outcome }: Delivery) {
  if (outcome.kind === 'untouched') throw new Error('nothing to settle')
  return settle(outcome, { attempt: 1, maxAttempts: 3, backoff, holdsAmbiguous: false, random: 0 })
}

async function play({ exchange, circumstance, notice }: MatrixEntry): Promise<Delivery> {
  if (exchange) stage.server.follow(exchange)
  if (circumstance === 'the chat is known to be unreachable') stage.chats.unreachables.set('5', 'bot_blocked')
  const channel = stage.channel(circumstance === 'no token' ? { botToken: undefined } : {})
  if (circumstance === 'nobody listens') await stage.server.stop()
  const delivery = stage.deliver(notice, channel)
  if (circumstance === 'the worker stops while it waits') {
    await expect.poll(() => stage.server.requests.length).toBe(1)
    channel.close()
  }
  return await delivery
}

/** What happened beside the outcome, by what can be seen of it. */
function asides(delivery: Delivery): Aside[] {
  const { server, chats } = stage
  const settlement = settlementOf(delivery)
  const [first, ...more] = server.requests
  const seen: readonly (readonly [aside: Aside, happened: boolean])[] = [
    ['the attempt is given back', settlement.status === 'pending' && settlement.giveBack],
    ['the chat is marked as unreachable', chats.unreachables.size > 0 && first !== undefined],
    ['the whole bot pauses for as long as Telegram says', chats.pauses[0] === 7_000],
    ['the whole bot pauses, longer each time', chats.outages === 1],
    ['the new chat id is stored', chats.migrations.has('5') && delivery.recipient === chats.migrations.get('5')],
    ['sent once more as plain text', more.some(({ payload }) => payload.parse_mode === undefined)],
    ['sent once more without the image', first?.method === 'sendPhoto' && more[0]?.method === 'sendMessage'],
    ['Telegram is not asked', first === undefined],
  ]
  return seen.filter(([, happened]) => happened).map(([aside]) => aside)
}

test.each(telegramMatrix)('$answer: $outcome $errorClass', async (entry) => {
  const delivery = await play(entry)
  const { outcome } = delivery
  expect(outcome).toMatchObject({ kind: entry.outcome, ...(entry.errorClass && { errorClass: entry.errorClass }) })
  expect(settlementOf(delivery).status).toBe(entry.status)
  expect(asides(delivery)).toEqual(entry.also)
  expect(stage.events.length).toBe(stage.server.requests.length)
  expect(stage.chats.passes).toBe(entry.outcome === 'sent' ? 1 : 0)
  const shown = `${JSON.stringify(delivery)}${inspect(delivery, { depth: 20, showHidden: true })}${stage.log}`
  expect(shown).not.toContain(stage.server.token)
})

test('no answer is there twice', () => {
  const answers = telegramMatrix.map(({ answer }) => answer)
  expect(new Set(answers).size).toBe(answers.length)
})
