import type { Command } from 'commander'
import { answers } from '../action.ts'
import { once, wholeNumber } from '../option-parsers.ts'
import type { ListOptions } from '../replay/list.ts'
import type { StopOptions } from '../replay/stop.ts'

const largestId = 2_147_483_647

export function addReplayCommands(program: Command): void {
  const replay = program
    .command('replay')
    .description('what was put back into the queue with fleet email replay')
    .addHelpText('after', '\nExamples:\n  $ fleet replay list\n  $ fleet replay stop 7')
  const id = ['<id>', 'the number of the replay', wholeNumber(1, largestId)] as const

  const list = replay
    .command('list')
    .description('replays, the latest first')
    .option('--limit <number>', 'at most so many; 20 unless given', once(wholeNumber(1, 10_000)))
    .addHelpText('after', '\nExample:\n  $ fleet replay list')
  answers(list, async (session, { limit = 20 }: Partial<ListOptions>) =>
    (await import('../replay/list.ts')).showReplays(session, { limit }),
  )

  const show = replay
    .command('show')
    .description('how far a replay has come, and what has become of its mail')
    .argument(...id)
    .addHelpText('after', '\nExample:\n  $ fleet replay show 7')
  answers(show, async (session, given: number) => (await import('../replay/show.ts')).showReplay(session, given))

  const stop = replay
    .command('stop')
    .description(
      'put nothing more of a replay back, and make what still waits of it what it was before; from that moment on none of its mail goes out',
    )
    .argument(...id)
    .option('--dry-run', 'only say what it would do')
    .addHelpText('after', '\nExample:\n  $ fleet replay stop 7')
  answers(stop, async (session, given: number, options: StopOptions) =>
    (await import('../replay/stop.ts')).stopReplay(session, given, options),
  )
}
