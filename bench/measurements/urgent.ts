import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { insertMails } from '../mails/mails.ts'
import type { Options } from '../options.ts'
import type { Urgent } from '../report/results.ts'
import { startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { monotonicMs } from '../support/monotonic.ts'
import { spread } from '../support/spread.ts'
import { until } from '../support/until.ts'
import { startEmailWorker } from '../support/worker-process.ts'

/** At random, so as not to keep step with the worker's claims. */
const longestPauseMs = 10

/**
 * From before the INSERT of a mail of priority 1 to its being accepted, one at a time, while one worker is busy with many that have
 * waited for longer.
 */
export async function measureUrgent(arena: Arena, options: Options): Promise<Urgent> {
  const { urgentSamples, waiting, connections } = options
  const database = await arena.createFleetDatabase()
  const sink = await startSink()
  sink.announce('urgent ')
  await insertMails(database.pool, waiting)
  await database.pool.query('VACUUM ANALYZE email_queue')
  await database.pool.query('CHECKPOINT')
  const worker = await startEmailWorker({ databaseUrl: database.url, smtpUrl: sink.url, connections })
  const producer = new pg.Client(database.url)
  await producer.connect()
  await until(
    async () => {
      const { accepted } = await sink.tally()
      return { holds: accepted >= connections, progress: accepted }
    },
    { everyMs: 5 },
  )
  const latencies: number[] = []
  for (let accepted = 0; latencies.length < urgentSamples; accepted = (await sink.tally()).accepted) {
    // No longer behind anybody.
    if (waiting + latencies.length - accepted < waiting / 20) break
    latencies.push(await sendOne(producer, sink, latencies.length))
    await delay(Math.random() * longestPauseMs)
  }
  await producer.end()
  await worker.stop()
  await sink.stop()
  await database.drop()
  return { samples: latencies.length, waiting, accepted: spread(latencies) }
}

async function sendOne(producer: pg.Client, sink: Awaited<ReturnType<typeof startSink>>, n: number): Promise<number> {
  const acceptedAt = sink.accepted(`urgent ${n}`)
  const before = monotonicMs()
  await producer.query(
    `INSERT INTO email_queue (recipient_to, subject, body, html, priority)
     VALUES ('user@example.com', $1, 'Hello', '<p>Hello</p>', 1)`,
    [`urgent ${n}`],
  )
  return (await acceptedAt) - before
}
