import type { Queue } from '../queue.ts'
import { crash, terminate } from './database.ts'
import type { Fault } from './fault.ts'
import { killAtAwait } from './fault-point.ts'
import { hang, kill } from './processes.ts'

/** All kinds of faults that a queue has to stand. */
export function listFaults({ faults }: Pick<Queue, 'faults'>, points: readonly string[]): Fault[] {
  return [kill, killAtAwait(points), hang, terminate, crash, ...faults]
}
