import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { insertMails } from '../mails/mails.ts'
import type { Options } from '../options.ts'
import type { Memory } from '../report/results.ts'
import { type Sink, startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { collecting, listing, loadedModules, residentMib } from '../support/resident.ts'
import { until } from '../support/until.ts'
import { startEmailWorker } from '../support/worker-process.ts'

/** Rows inserted at once; the next ones when the last are sent. */
const chunk = 10_000
const entry = '/workers/email.ts'

/**
 * A worker's resident memory, idle and with its garbage collected, after the smaller and the larger number of mails; beside it a
 * process that has loaded the modules such a worker has loaded, and has done nothing.
 */
export async function measureMemory(arena: Arena, { memoryMails, connections }: Options): Promise<Memory> {
  const database = await arena.createFleetDatabase()
  const sink = await startSink()
  const settings = { databaseUrl: database.url, smtpUrl: sink.url, connections }
  const drain = async (first: number, last: number) => {
    for (let done = first - 1; done < last; done += chunk) {
      await insertMails(database.pool, Math.min(chunk, last - done), done + 1)
      await accepted(sink, Math.min(done + chunk, last))
    }
  }

  const lister = await startEmailWorker({ ...settings, execArgv: listing })
  await drain(1, 2)
  const urls = await loadedModules(lister.child)
  await lister.stop()
  const imports = await importsAlone(urls.filter((url) => !url.endsWith(entry) && !url.endsWith('.json')))

  await sink.reset()
  const worker = await startEmailWorker({ ...settings, execArgv: collecting })
  const [fewer, more] = memoryMails
  await drain(1, fewer)
  const early = { mails: fewer, mib: await residentMib(worker.child) }
  await drain(fewer + 1, more)
  const late = { mails: more, mib: await residentMib(worker.child) }
  await worker.stop()
  await sink.stop()
  await database.drop()
  return { early, late, imports }
}

async function importsAlone(urls: readonly string[]): Promise<number> {
  const child = fork(join(import.meta.dirname, '../preload/import-modules.ts'), { execArgv: collecting })
  const ready = once(child, 'message')
  child.send(urls)
  const exited = once(child, 'exit')
  const ended = exited.then((): never => {
    throw new Error('The modules of a worker cannot be loaded')
  })
  ended.catch(() => {})
  await Promise.race([ready, ended])
  const mib = await residentMib(child)
  child.disconnect()
  await exited
  return mib
}

function accepted(sink: Sink, mails: number): Promise<void> {
  return until(
    async () => {
      const tally = await sink.tally()
      return { holds: tally.accepted >= mails, progress: tally.accepted }
    },
    { everyMs: 20 },
  )
}
