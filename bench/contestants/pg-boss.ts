import { PgBoss } from 'pg-boss'
import { type Mail, mailOf } from '../mails/mails.ts'
import { compete, type PeerTask, pooledTransport } from './compete.ts'

/** One pg-boss job per mail, with the mail in it. */
const queue = 'mail'
const settings = { batchSize: 100, localConcurrency: 4, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }
const databaseConnections = 10

await compete(async (task) => {
  const boss = new PgBoss({ connectionString: task.databaseUrl, max: databaseConnections, schedule: false })
  boss.on('error', (error) => {
    throw error
  })
  await boss.start()
  await boss.createQueue(queue)
  await insertJobs(boss, task)
  const transport = pooledTransport(task)
  return {
    settings: { ...settings, max: databaseConnections, schedule: false },
    start: () =>
      boss.work<Mail>(queue, settings, async (jobs) => {
        await Promise.all(jobs.map(({ data }) => transport.sendMail(data)))
      }),
  }
})

async function insertJobs(boss: PgBoss, { mails }: PeerTask): Promise<void> {
  const chunk = 1_000
  for (let first = 1; first <= mails; first += chunk) {
    const length = Math.min(chunk, mails - first + 1)
    await boss.insert(
      queue,
      Array.from({ length }, (_, n) => ({ data: mailOf(first + n) })),
    )
  }
}
