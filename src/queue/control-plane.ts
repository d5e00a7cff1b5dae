import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import type { Database } from '../db/pool.ts'
import type { Vitals } from '../runtime/vitals.ts'

export interface ControlPlaneOptions {
  readonly database: Database
  /** This process's name in pg-boss's registry of live instances. */
  readonly instanceName: string
  readonly log: Logger
  /** Told that the control plane is to look for jobs, and each time it has. */
  readonly vitals: Vitals
}

/** A queue of control jobs, worked on by a handler and, where there is a schedule, filled by it. */
export interface ControlJob {
  readonly queue: string
  /** A cron expression, in UTC. */
  readonly schedule: string
  /** Also when a worker joins. */
  readonly atStart?: true
  /** After which its job counts as failed: 120 by default. */
  readonly expireInSeconds?: number
  /** What it returns is kept as the job's output, for people to look at. */
  readonly run: () => Promise<object>
}

interface Joined {
  stop(): Promise<void>
}

const pulse = 'control plane'
const secondsToKeepDone = 24 * 3600
const heartbeatSeconds = 10
const answerTimeoutMs = 15_000
const pollSeconds = 2
const firstRetryMs = 1_000
const lastRetryMs = 60_000

/**
 * Joins as `joinControlPlane` does, for a worker that does its work without: neither loading pg-boss nor its queries are waited for.
 * What goes wrong is logged and tried again until it is stopped; `stop` waits for the try in progress.
 */
export function joinInBackground(options: ControlPlaneOptions, jobs: readonly ControlJob[]): Joined {
  const stopping = new AbortController()
  const answered = options.vitals.expect(pulse, pollSeconds * 1000, { isSpare: true })
  const joined = keepJoining(() => join(options, jobs, answered), { signal: stopping.signal, log: options.log })
  return {
    async stop() {
      stopping.abort()
      await (await joined)?.stop()
    },
  }
}

async function keepJoining(
  tryToJoin: () => Promise<Joined>,
  { signal, log }: { signal: AbortSignal; log: Logger },
): Promise<Joined | undefined> {
  for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(lastRetryMs, retryMs * 2)) {
    try {
      return await tryToJoin()
    } catch (err) {
      log.warn({ err, retryMs }, 'not joined to the control plane; the work goes on without')
    }
    await delay(retryMs, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/**
 * Joins pg-boss, which owns schedules, operators' commands and the registry of live instances, on the worker's own pool. Its schema is
 * made by our migrations. Jobs are never the truth about a message.
 */
export async function joinControlPlane(options: ControlPlaneOptions, jobs: readonly ControlJob[]): Promise<Joined> {
  return join(options, jobs, options.vitals.expect(pulse, pollSeconds * 1000))
}

async function join(
  { database, instanceName, log }: ControlPlaneOptions,
  jobs: readonly ControlJob[],
  answered: () => void,
): Promise<Joined> {
  // Half as much code again as the rest of a worker.
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    db: {
      async executeSql(text, values) {
        const result = await execute(database, text, values as unknown[])
        answered()
        return result
      },
    },
    migrate: false,
    createSchema: false,
    instanceName,
    instanceHeartbeatSeconds: heartbeatSeconds,
    superviseIntervalSeconds: 5,
  })
  boss.on(
    'error',
    onceAMinute((err) => log.warn({ err }, 'pg-boss: trying again')),
  )
  boss.on('warning', ({ message, data }) => log.warn({ data }, `pg-boss: ${message}`))
  try {
    await boss.start()
    for (const job of jobs) await take(boss, job, log)
  } catch (err) {
    // Its timers would keep the process alive.
    await boss.stop({ graceful: false, close: false })
    throw err
  }
  return {
    stop: () => boss.stop({ graceful: true, timeout: 5_000, close: false }),
  }
}

async function take(boss: PgBoss, job: ControlJob, log: Logger): Promise<void> {
  const { queue, schedule, run, expireInSeconds = 120, atStart = false } = job
  // One waits at most: a second one would find what the first has done.
  await boss.createQueue(queue, {
    policy: 'short',
    retryLimit: 0,
    expireInSeconds,
    deleteAfterSeconds: secondsToKeepDone,
  })
  await boss.work(queue, { pollingIntervalSeconds: pollSeconds }, async () => {
    try {
      return await run()
    } catch (err) {
      // pg-boss keeps it with the job, where nobody looks by himself.
      if (err instanceof Error && err.name === 'AbortError') log.info({ queue }, 'control job interrupted')
      else log.error({ err, queue }, 'control job failed')
      throw err
    }
  })
  await boss.schedule(queue, schedule, null, { tz: 'UTC', missed: 'once' })
  if (atStart) await boss.send(queue)
}

/** A statement without an answer takes its connection with it: where that has gone half-open pg-boss would keep it for ever. */
function execute({ pool }: Database, text: string, values: unknown[]) {
  // node-postgres knows `query_timeout` for one query; its types do not.
  const query: pg.QueryConfig & { query_timeout: number } = { text, values, query_timeout: answerTimeoutMs }
  return pool.query(query)
}

/** Without a database pg-boss reports an error a second. */
function onceAMinute(report: (err: Error) => void): (err: Error) => void {
  let reportedAt = Number.NEGATIVE_INFINITY
  return (err) => {
    if (performance.now() - reportedAt < 60_000) return
    reportedAt = performance.now()
    report(err)
  }
}
