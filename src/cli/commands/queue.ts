import type { Command } from 'commander'
import { type PausableQueue, pausableQueues } from '../../ops/pausable-queues.ts'
import { answers } from '../action.ts'
import { momentForms, readMoment } from '../moments.ts'
import { by, once, oneOf, someText } from '../option-parsers.ts'
import type { PauseOptions } from '../queue/pause.ts'

export function addQueueCommands(program: Command): void {
  const queue = program
    .command('queue')
    .description('stop a queue for all workers, and let it go on')
    .addHelpText('after', '\nExamples:\n  $ fleet queue status\n  $ fleet queue pause email --reason "wrong template"')
  const status = queue
    .command('status')
    .description('which queues go on, which stand still and why, and what waits in them')
    .addHelpText('after', '\nExample:\n  $ fleet queue status')
  answers(status, async (session) => (await import('../queue/status.ts')).showQueues(session))

  const name = [
    '<name>',
    `${pausableQueues.join(', ')}; notifications means all channels`,
    oneOf(pausableQueues),
  ] as const
  const pause = queue
    .command('pause')
    .description(
      'from this moment on no worker takes anything of the queue; nothing is lost, and nothing counts as a try',
    )
    .argument(...name)
    .requiredOption('--reason <text>', 'why: for whoever looks at it next', once(someText(500)))
    .option(
      '--until <time>',
      'when it goes on by itself: ISO, UTC unless said, or from now on as 2h',
      once(by(readMoment, momentForms)),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet queue pause email --reason "wrong template"\n' +
        '  $ fleet queue pause telegram --until 2h --reason "bot is being moved"',
    )
  answers(pause, async (session, queueName: PausableQueue, options: PauseOptions) =>
    (await import('../queue/pause.ts')).pause(session, queueName, options),
  )

  const resume = queue
    .command('resume')
    .description('let the queue go on at once')
    .argument(...name)
    .addHelpText('after', '\nExample:\n  $ fleet queue resume email')
  answers(resume, async (session, queueName: PausableQueue) =>
    (await import('../queue/pause.ts')).resume(session, queueName),
  )
}
