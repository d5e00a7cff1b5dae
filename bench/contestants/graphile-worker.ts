import process from 'node:process'
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { type Mail, mailOf } from '../mails/mails.ts'
import { compete, type PeerTask, pooledTransport } from './compete.ts'

/** One graphile-worker job per mail, with the mail in it. */
const task = 'mail'

/** As it comes, with a job for each connection; or, where asked for by `best`, fetching ahead and completing jobs together. */
const plain = { maxPoolSize: 10, pollInterval: 100 }
const best = { ...plain, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
const isBest = process.argv[3] === 'best'
const jobsPerConnection = isBest ? 4 : 1

await compete(async (peerTask) => {
  const { databaseUrl, connections } = peerTask
  const logger = new Logger(() => () => {})
  await insertJobs(peerTask, logger)
  const transport = pooledTransport(peerTask)
  const worker = { ...(isBest ? best : plain), concurrentJobs: connections * jobsPerConnection }
  return {
    settings: { ...worker, ...(isBest ? { localQueue: `size ${best.localQueue.size}` } : {}) },
    start: () =>
      run({
        preset: { worker: { ...worker, connectionString: databaseUrl, logger } },
        noHandleSignals: true,
        taskList: {
          [task]: async (payload) => {
            await transport.sendMail(payload as Mail)
          },
        },
      }),
  }
})

async function insertJobs({ databaseUrl, mails }: PeerTask, logger: Logger): Promise<void> {
  const utilities = await makeWorkerUtils({ connectionString: databaseUrl, logger })
  await utilities.migrate()
  const chunk = 1_000
  for (let first = 1; first <= mails; first += chunk) {
    const length = Math.min(chunk, mails - first + 1)
    await utilities.addJobs(Array.from({ length }, (_, n) => ({ identifier: task, payload: mailOf(first + n) })))
  }
  await utilities.release()
}
