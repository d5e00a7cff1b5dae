import { setTimeout as delay } from 'node:timers/promises'
import { botAnswers, refusal } from '../../support/bot-api-answers.ts'
import type { Fault } from '../faults/fault.ts'
import type { Random } from '../random.ts'
import type { BotSink, BotTrouble } from './sink.ts'

type What = Pick<BotTrouble, 'answer'> & { readonly detail: string }

const lastingMs = [400, 1_200] as const
const gatewayTimeout = {
  status: 504,
  body: '<html><body><h1>504 Gateway Time-out</h1></body></html>',
  taken: true,
} as const

/** Faults of the Bot API; each lasts about a second. */
export const botFaults: readonly Fault<BotSink>[] = [
  troubled('bot-stall', () => ({ detail: 'nothing taken', answer: botAnswers.silenceBefore })),
  troubled('bot-take-and-stall', () => ({ detail: 'taken', answer: botAnswers.silenceAfter })),
  troubled('bot-take-and-die', () => ({ detail: 'taken', answer: botAnswers.resetAfter })),
  troubled('bot-reset-in-request', (random) =>
    random.pick([
      { detail: 'as it comes in', answer: 'cut' },
      { detail: 'once it is there', answer: botAnswers.resetBefore },
    ]),
  ),
  troubled('bot-429', () => ({ detail: 'retry after 1 s', answer: botAnswers.throttled(1) })),
  troubled('bot-401', () => ({ detail: 'unauthorized', answer: botAnswers.wrongToken })),
  troubled('bot-5xx', (random) =>
    random.pick([
      { detail: '500 of the Bot API', answer: botAnswers.serverError },
      { detail: '502 of a proxy', answer: botAnswers.proxyError },
    ]),
  ),
  troubled('bot-garbage', (random) =>
    random.pick([
      { detail: 'half an answer', answer: botAnswers.brokenJson },
      { detail: 'a page with 200', answer: botAnswers.proxyPage },
      { detail: '504 of a proxy, taken', answer: gatewayTimeout },
    ]),
  ),
  troubled('bot-400', () => ({ detail: 'the message', answer: refusal(400, 'Bad Request: BUTTON_URL_INVALID') })),
  troubled('bot-403', (random) =>
    random.pick([
      { detail: 'blocked', answer: botAnswers.blocked },
      { detail: 'kicked', answer: botAnswers.kicked },
    ]),
  ),
]

function troubled(name: string, describe: (random: Random) => What): Fault<BotSink> {
  return {
    name,
    plan(random) {
      const { detail, answer } = describe(random)
      const share = random.pick([0.05, 0.3, 1])
      const forMs = random.int(...lastingMs)
      const wake = random.chance(0.5)
      return {
        detail: `${detail}, ${share * 100} % for ${forMs} ms${wake ? ', then late answers' : ''}`,
        async strike({ sink }) {
          sink.misbehave({ share, answer })
          await delay(forMs)
          sink.behave({ wake })
        },
      }
    },
  }
}
