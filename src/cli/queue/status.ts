import { databaseNow } from '../../ops/clock.ts'
import { type QueueState, readQueueStates } from '../../ops/queue-states.ts'
import type { Answer } from '../answer.ts'
import { printable } from '../printable.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, type Column, renderTable } from '../table.ts'
import { formatExactTime } from '../times.ts'
import { formatCount } from '../words.ts'
import { describeEnd } from './pause.ts'

export async function showQueues(session: Session): Promise<Answer> {
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const queues = await readQueueStates(db)
  return { document: { now, queues }, text: (screen) => render(queues, { screen, now }) }
}

interface View {
  readonly screen: Screen
  readonly now: Date
}

const columns: readonly Column[] = [
  { title: 'QUEUE' },
  { title: 'STATE' },
  { title: 'DUE', align: 'right' },
  { title: 'LATER', align: 'right' },
  { title: 'SENDING', align: 'right' },
  { title: 'HELD', align: 'right' },
]

function render(queues: readonly QueueState[], view: View): string {
  const { colors } = view.screen
  const rows = queues.map((state): Cell[] => {
    const obstacles = obstaclesOf(state, view.now)
    return [
      { text: state.queue },
      { text: obstacles[0]?.word ?? 'goes on', paint: obstacles.length > 0 ? colors.yellow : colors.green },
      ...[state.due, state.scheduled, state.sending, state.held].map((count) => ({ text: formatCount(count) })),
    ]
  })
  const reasons = queues.flatMap((state) =>
    obstaclesOf(state, view.now).map(({ text }) => `${colors.yellow(`${state.queue}:`)} ${printable(text)}\n`),
  )
  return `${renderTable(columns, rows, view.screen)}${reasons.length > 0 ? '\n' : ''}${reasons.join('')}`
}

/** What keeps a queue, the most certain first. */
function obstaclesOf(
  { pause, channelPause, blocked, outages }: QueueState,
  now: Date,
): { word: string; text: string }[] {
  return [
    ...(pause === null
      ? []
      : [
          {
            word: 'paused',
            text: `paused by ${pause.pausedBy} since ${formatExactTime(pause.since, now)}, ${describeEnd(pause, now)}: ${pause.reason}`,
          },
        ]),
    ...blocked.map(({ owner, reason }) => ({ word: 'blocked', text: `${owner} sends nothing: ${reason}` })),
    ...outages.map(({ owner, since, reason }) => ({
      word: 'outage',
      text: `outage at ${owner} since ${formatExactTime(since, now)}: ${reason}`,
    })),
    ...(channelPause === null
      ? []
      : [
          {
            word: 'waits',
            text: `its channel takes nothing until ${formatExactTime(channelPause.until, now)}: ${channelPause.reason ?? 'nobody says why'}`,
          },
        ]),
  ]
}
