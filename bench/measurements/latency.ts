import pg from 'pg'
import type { Options } from '../options.ts'
import type { Latency } from '../report/results.ts'
import { startSink } from '../sink/sink.ts'
import type { Arena } from '../support/arena.ts'
import { monotonicMs } from '../support/monotonic.ts'
import { spread } from '../support/spread.ts'
import { until } from '../support/until.ts'
import { startEmailWorker } from '../support/worker-process.ts'

/**
 * From before an INSERT to the mail's being accepted, one worker that idles; beside it the same INSERT into a table that nobody
 * watches, which is what a durable commit costs here.
 */
export async function measureLatency(arena: Arena, { latencySamples, connections }: Options): Promise<Latency> {
  const database = await arena.createFleetDatabase()
  await database.pool.query('CREATE TABLE plain (LIKE email_queue INCLUDING ALL)')
  const sink = await startSink()
  sink.announce('mail ')
  const worker = await startEmailWorker({ databaseUrl: database.url, smtpUrl: sink.url, connections })
  const producer = new pg.Client(database.url)
  await producer.connect()
  const commits: number[] = []
  const latencies: number[] = []
  for (let n = 0; n < latencySamples; n += 1) {
    const beforePlain = monotonicMs()
    await insert(producer, 'plain', `plain ${n}`)
    commits.push(monotonicMs() - beforePlain)
    const acceptedAt = sink.accepted(`mail ${n}`)
    const before = monotonicMs()
    await insert(producer, 'email_queue', `mail ${n}`)
    latencies.push((await acceptedAt) - before)
    await idle(producer)
  }
  await producer.end()
  await worker.stop()
  await sink.stop()
  await database.drop()
  return { samples: latencySamples, accepted: spread(latencies), commit: spread(commits) }
}

function insert(producer: pg.Client, table: 'plain' | 'email_queue', subject: string): Promise<unknown> {
  return producer.query(
    `INSERT INTO ${table} (recipient_to, subject, body, html) VALUES ('user@example.com', $1, 'Hello', '<p>Hello</p>')`,
    [subject],
  )
}

/** Until the outcome is recorded, so that each insert meets an idle worker. */
function idle(producer: pg.Client): Promise<void> {
  return until(
    async () => {
      const { rows } = await producer.query(`SELECT FROM email_queue WHERE status IN ('pending', 'sending') LIMIT 1`)
      return { holds: rows.length === 0, progress: 0 }
    },
    { everyMs: 1 },
  )
}
