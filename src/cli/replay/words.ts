import type { Replay, ReplayState } from '../../ops/replays/replay.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import type { Screen } from '../screen.ts'
import { formatCount } from '../words.ts'

const stateWords: Readonly<Record<ReplayState, string>> = {
  canary: 'canary',
  running: 'putting back',
  done: 'put back',
  canary_failed: 'canary failed',
  stopping: 'stopping',
  stopped: 'stopped',
}

export function stateWord(state: ReplayState): string {
  return stateWords[state]
}

export function paintState(state: ReplayState, { colors }: Screen): (text: string) => string {
  if (state === 'done') return colors.green
  if (state === 'canary_failed') return colors.red
  return state === 'stopped' ? colors.dim : colors.yellow
}

/** What the canary said, in a line; none while there is nothing to say. */
export function describeVerdict(replay: Replay | undefined): string[] {
  if (replay === undefined) return []
  const { state, canary, delivered, undelivered } = replay
  if (state === 'stopped') return ['It was stopped.']
  if (canary === 0 || delivered === null || undelivered === null) return []
  const share = `${formatCount(delivered)} of the first ${formatCount(delivered + undelivered)} were delivered`
  return state === 'canary_failed'
    ? [`${share}: fewer than 90 %, so it goes no further. The rest is as it was.`]
    : [`${share} when the rest followed.`]
}

export function unknownReplay(id: number): CliError {
  return new CliError(`there is no replay ${id}`, {
    code: 'REPLAY_UNKNOWN',
    hint: 'fleet replay list shows the latest ones',
    exitStatus: exitStatus.failed,
  })
}
