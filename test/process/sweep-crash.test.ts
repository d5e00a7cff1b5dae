import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { setInterval } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { administrator, insertDue, readOutcomes } from './due-subscriptions.ts'
import { insertMoving, watchPlatform, writeAsPlatform } from './platform-writes.ts'
import { setScene } from './scene.ts'

const scene = setScene()

const sweeps = 10
const kills = 20
const largestBatch = 100
const mostBatches = 3

it('announces each end once at each stage and through each channel, however many sweeps run at once and are killed in the midst of it, while the platform writes', {
  timeout: 400_000,
}, async () => {
  const { db, url } = scene.database
  const subscriptions = await insertDue(db, { projects: 2_000, portraits: 3_000 })
  await insertMoving(db)
  const stopping = new AbortController()
  const writing = writeAsPlatform(url, stopping.signal)
  const watching = watchPlatform(db, stopping.signal)
  const crew = new Map<string, Sweep>()
  const killing = killWhileWriting(crew, stopping.signal)

  await Promise.all(Array.from({ length: sweeps }, (_, place) => keepSweeping(`sweep ${place}`, crew)))
  stopping.abort()
  const { writes, longestMs } = await writing
  // What the platform's transactions held meanwhile.
  await runSweep('last')
  expect(await runSweep('idle')).toMatchObject({ counts: { notices: 0, superseded: 0, states: 0 }, left: 0 })

  const outcomes = await readOutcomes(db)
  const wrong = subscriptions
    .map(({ table, id, expected }) => ({ name: `${table} ${id}`, expected, found: outcomes.get(`${table} ${id}`) }))
    .filter(({ expected, found }) => expected !== found)
  expect({ count: wrong.length, first: wrong.slice(0, 5) }).toEqual({ count: 0, first: [] })
  expect(await listTwiceTold()).toEqual([])
  expect(await listDisagreeing()).toEqual([])
  expect(await killing).toBeGreaterThan(kills / 4)
  // The platform waits for a batch, not for a sweep. Where another sweep gets hold of the row first when that batch has ended, as it
  // may when the batch was killed, it waits for that one's batch, too.
  expect(await readLargestBatch()).toBeLessThanOrEqual(largestBatch)
  const { waits, longestBatchMs } = await watching
  expect(waits.filter(({ blockers }) => blockers.size > mostBatches)).toEqual([])
  process.stderr.write(
    `The platform wrote ${writes} times, waited ${waits.length} times, and at most ${Math.round(longestMs)} ms; the longest batch took ${Math.round(longestBatchMs)} ms.\n`,
  )
})

interface Sweep {
  kill(): void
  readonly end: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

/** A process of its own, by whose name its session at the server is known. Killed when the test ends. */
function startSweep(name: string): Sweep {
  const { directory } = scene.installation
  const url = new URL(scene.database.workerUrl)
  url.searchParams.set('application_name', name)
  const child = spawn(join(directory, 'bin/fleet'), ['sweep', '--max', '100000', '--json'], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: join(directory, '.compiled'),
      DATABASE_URL: url.href,
      ...administrator,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => void child.kill('SIGKILL')
  onTestFinished(kill)
  const read = async () => {
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  }
  return { kill, end: read() }
}

/** Starts another one where one was killed, until one has found nothing more to do. */
async function keepSweeping(name: string, crew: Map<string, Sweep>): Promise<void> {
  for (;;) {
    const sweep = startSweep(name)
    crew.set(name, sweep)
    const { code, stdout, stderr } = await sweep.end
    if (code === null) continue
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
    return
  }
}

async function runSweep(name: string): Promise<unknown> {
  const { code, stdout, stderr } = await startSweep(name).end
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** More statements than a batch consists of. */
const statements = 10

/** Kills sweeps within a transaction that writes, after any number of its statements; lets some go. Answers how many. */
async function killWhileWriting(crew: Map<string, Sweep>, signal: AbortSignal): Promise<number> {
  const transactions = new Map<string, { readonly most: number; readonly seen: Set<string> }>()
  let killed = 0
  for await (const _ of setInterval(5)) {
    if (signal.aborted || killed === kills) break
    const { rows } = await sql<{ name: string; transaction: string; statement: string }>`
      SELECT application_name AS name, backend_xid::text AS transaction, query_start::text AS statement
        FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'sweep %' AND backend_xid IS NOT NULL`.execute(
      scene.database.db,
    )
    for (const { name, transaction, statement } of rows) {
      const { most, seen } = transactions.get(transaction) ?? { most: Math.random() * statements, seen: new Set() }
      transactions.set(transaction, { most, seen: seen.add(statement) })
      const sweep = crew.get(name)
      if (sweep === undefined || seen.size < most || killed === kills) continue
      crew.delete(name)
      sweep.kill()
      killed += 1
    }
  }
  return killed
}

/** Of how many subscriptions the largest transaction has written notices. */
async function readLargestBatch(): Promise<number> {
  const { rows } = await sql<{ subscriptions: number }>`
    SELECT count(DISTINCT (entity_type, entity_id))::int AS subscriptions
      FROM fleet.notices GROUP BY xmin::text ORDER BY 1 DESC LIMIT 1`.execute(scene.database.db)
  return rows[0]?.subscriptions ?? 0
}

/** Notices that have gone out or will go out more than once through a channel. */
async function listTwiceTold(): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT event_data ->> 'notice' AS notice, type, count(*)::int AS messages
      FROM notifications WHERE status <> 'cancelled' GROUP BY 1, 2 HAVING count(*) > 1`.execute(scene.database.db)
  return rows
}

/** Messages without an entry in the ledger, and states that the audit log or the fleet's memory of its own acts tell otherwise. */
async function listDisagreeing(): Promise<unknown[]> {
  const { rows } = await sql`
    WITH states AS (
      SELECT 'projects' AS entity_type, 'project' AS audited, id, lifecycle_status FROM projects WHERE id <= 2000
      UNION ALL SELECT 'portraits', 'portrait', id, lifecycle_status FROM portraits)
    SELECT 'message' AS what, id::text AS which FROM notifications AS m
     WHERE NOT EXISTS (SELECT FROM fleet.notices AS n WHERE m.event_data ->> 'notice' = 'lifecycle:' || n.id)
    UNION ALL
    SELECT 'act', s.entity_type || ' ' || s.id FROM states AS s LEFT JOIN fleet.lifecycle_acts AS a
        ON a.entity_type = s.entity_type AND a.entity_id = s.id AND a.field = 'lifecycle_status'
     WHERE a.after_value IS DISTINCT FROM s.lifecycle_status OR a.before_value IS DISTINCT FROM 'active'
    UNION ALL
    SELECT 'audit', s.entity_type || ' ' || s.id FROM states AS s LEFT JOIN audit_log AS l
        ON l.entity_type = s.audited AND l.entity_id = s.id AND l.field_name = 'lifecycle_status' AND l.actor_email = 'fleet'
     GROUP BY s.entity_type, s.id, s.lifecycle_status
    HAVING count(l.id) <> 1 OR max(l.changes ->> 'after') <> s.lifecycle_status OR max(l.changes ->> 'before') <> 'active'`.execute(
    scene.database.db,
  )
  return rows
}
