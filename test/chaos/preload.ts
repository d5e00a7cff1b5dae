/** Loaded into a worker before its own code, with `--import`: rewrites the source of the modules that its orders concern, as they are loaded. */
import { registerHooks } from 'node:module'
import process from 'node:process'
import { insertFaultPoints } from './fault-points.ts'
import { mutate } from './mutations.ts'
import { readOrders } from './orders.ts'

const { point, mutation } = readOrders(process.env)

let passages = 0

function faultPoint(name: string): void {
  if (point?.name !== name) return
  passages += 1
  if (passages < point.passage && performance.now() < point.anyAfterMs) return
  const die = () => process.kill(process.pid, 'SIGKILL')
  if (point.delayMs === 0) die()
  else setTimeout(die, point.delayMs)
}

Object.assign(globalThis, { faultPoint })

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const file = /\/src\/([^?]+\.ts)$/.exec(url)?.[1]
    if (file === undefined || loaded.source == null) return loaded
    const mutated = mutate(mutation, file, Buffer.from(loaded.source as Uint8Array | string).toString())
    const source = point?.name.startsWith(`${file}:`) ? insertFaultPoints(file, mutated).source : mutated
    return { ...loaded, source }
  },
})
