import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../faults/fault.ts'
import type { Random } from '../random.ts'
import type { MailSink, Trouble } from './sink.ts'
import type { SinkSession } from './sink-session.ts'

type What = Omit<Trouble, 'share'> & { readonly detail?: string }

const patienceMs = 1_500
const lastingMs = [400, 1_200] as const

/** For each step: refusals for now, and for good. */
const refusals = {
  mail: { soft: ['451 4.3.0 not now', '450 4.7.1 too fast'], hard: ['550 5.7.1 not from you', '501 5.1.7 bad sender'] },
  rcpt: { soft: ['450 4.2.0 busy', '452 4.2.2 mailbox full'], hard: ['550 5.1.1 no such user', '550 5.7.1 refused'] },
  data: { soft: ['451 4.3.0 not now', '421 4.3.2 going down'], hard: ['554 5.5.1 no', '550 5.7.1 refused'] },
  message: { soft: ['451 4.3.0 try later', '452 4.3.1 disk full'], hard: ['554 5.6.0 content', '550 5.7.1 spam'] },
} as const

/** Faults of the mail server; each lasts about a second. */
export const mailServerFaults: readonly Fault<MailSink>[] = [
  troubled('smtp-stall', (random) => ({
    at: random.pick(['greeting', 'mail', 'rcpt', 'data', 'body', 'message']),
    act: (session) => session.stall(),
  })),
  troubled('smtp-take-and-stall', () => ({ at: 'message', accepts: true, act: (session) => session.stall() })),
  troubled('smtp-take-and-die', (random) => ({
    at: 'message',
    accepts: true,
    act: random.pick([sayAndDie, (session) => session.die(), (session) => session.reset()]),
  })),
  troubled('smtp-reset-in-message', () => ({ at: 'body', act: (session) => session.reset() })),
  troubled('smtp-half-close', (random) => ({
    at: random.pick(['greeting', 'mail', 'data', 'message']),
    act: (session) => session.halfClose(),
  })),
  troubled('smtp-greet-421', () => ({
    at: 'greeting',
    act: (session) => session.dismiss('421 4.3.2 too many connections'),
  })),
  ...(['mail', 'rcpt', 'data', 'message'] as const).flatMap((at) => [refusing(at, 'soft'), refusing(at, 'hard')]),
]

function refusing(at: keyof typeof refusals, kind: 'soft' | 'hard'): Fault<MailSink> {
  return troubled(`smtp-${kind === 'soft' ? '4xx' : '5xx'}-${at}`, (random) => {
    const line = random.pick(refusals[at][kind])
    const act = (session: SinkSession): void => {
      if (line.startsWith('421')) session.dismiss(line)
      else session.refuse(line)
    }
    return { at, act, detail: line }
  })
}

function troubled(name: string, describe: (random: Random) => What): Fault<MailSink> {
  return {
    name,
    plan(random) {
      const { detail, ...what } = describe(random)
      const share = random.pick([0.05, 0.3, 1])
      const forMs = random.int(...lastingMs)
      const wake = random.chance(0.5)
      return {
        detail: `${detail ?? what.at}, ${share * 100} % for ${forMs} ms${wake ? ', then late answers' : ''}`,
        answerTimeoutMs: patienceMs,
        async strike({ sink }) {
          sink.misbehave({ ...what, share })
          await delay(forMs)
          sink.behave({ wake })
        },
      }
    },
  }
}

function sayAndDie(session: SinkSession): void {
  session.say('250 2.0.0 taken')
  session.reset()
}
