import type { Options } from '../options.ts'
import type { Start } from '../report/results.ts'
import { startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { startEmailWorker } from '../support/worker-process.ts'

/** How long workers/email.ts takes from its spawn to its word that it is ready, with whatever its earlier starts have left in a compile cache. */
export async function measureStart(arena: Arena, { starts, connections }: Options): Promise<Start> {
  const database = await arena.createFleetDatabase()
  const sink = await startSink()
  const settings = { databaseUrl: database.url, smtpUrl: sink.url, connections }
  const startOnce = async () => {
    const worker = await startEmailWorker(settings)
    await worker.stop()
    return worker.startMs
  }
  // The first fills the cache, the second may.
  await startOnce()
  await startOnce()
  const readyMs: number[] = []
  while (readyMs.length < starts) readyMs.push(await startOnce())
  await sink.stop()
  await database.drop()
  return { readyMs }
}
