import { crash, terminate } from './database.ts'
import type { Fault } from './fault.ts'
import { killAtAwait } from './fault-point.ts'
import { mailServerFaults } from './mail-server.ts'
import { hang, kill } from './processes.ts'

/** All kinds of faults. */
export function listFaults(points: readonly string[]): Fault[] {
  return [kill, killAtAwait(points), hang, terminate, crash, ...mailServerFaults]
}
