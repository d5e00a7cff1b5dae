import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { countByStatus, duplicates, waitForMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()
/** That are put back in one transaction. */
const batch = 2_500

beforeEach(() => sql`TRUNCATE fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY`.execute(scene.database.db))

async function insertFailed(count: number): Promise<void> {
  await sql`
    INSERT INTO email_queue (recipient_to, subject, body, status, attempts, error_class)
    SELECT format('user%s@example.com', n), format('Mail %s', n), 'Hello', 'failed', 3, 'mailbox_full'
      FROM generate_series(1, ${count}::int) n`.execute(scene.database.db)
}

/** How mails of this status came to it, each way once. */
async function endsOf(status: string): Promise<{ attempts: number; errorClass: string | null }[]> {
  const { rows } = await sql<{ attempts: number; errorClass: string | null }>`
    SELECT DISTINCT attempts, error_class AS "errorClass" FROM email_queue WHERE status = ${status} ORDER BY 1, 2`.execute(
    scene.database.db,
  )
  return rows
}

interface Command {
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): void
  readonly end: Promise<{ readonly code: number | null; readonly stdout: string }>
}

/** As in a terminal of its own. Killed when the test ends. */
function fleet(...args: string[]): Command {
  const { directory } = scene.installation
  const env = { PATH: process.env.PATH, USER: 'ann', DATABASE_URL: scene.database.workerUrl }
  const child = spawn(join(directory, 'bin/fleet'), args, { cwd: directory, env })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    said.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    said.stderr += chunk
  })
  const end = once(child, 'close').then(([code]) => ({ code, stdout: said.stdout }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await end
  })
  return { stderr: () => said.stderr, kill: (signal) => void child.kill(signal), end }
}

const replay = (...options: string[]): Command => fleet('email', 'replay', '--status', 'failed', '--yes', ...options)

async function startLifecycle(smtpUrl: string) {
  const worker = scene.startWorker(smtpUrl, { script: 'workers/lifecycle.ts' })
  await worker.ready()
  return worker
}

/** A server process whose client was killed notices when it next has something to say. */
function sessionsHaveEnded(name: string): Promise<void> {
  return expect
    .poll(async () => {
      const { rows } = await sql`
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = ${name}`.execute(
        scene.database.db,
      )
      return rows.length
    })
    .toBe(0)
}

async function itemsThat(state: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM fleet.replay_items WHERE state = ${state}`.execute(scene.database.db)
  return rows[0]?.count ?? 0
}

/**
 * From the batch after `ordinal` on nobody gets any further: whoever puts mails back has changed mails of the batch, which its transaction
 * has a number for, and waits before it has marked the first of its items. Until it is opened again.
 */
async function barAfter(ordinal: number) {
  const gatekeeper = await scene.database.pool.connect()
  await gatekeeper.query(`
    CREATE FUNCTION bar() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END';
    CREATE TRIGGER bar BEFORE UPDATE ON fleet.replay_items
      FOR EACH ROW WHEN (NEW.state = 'replayed' AND NEW.ordinal > ${ordinal}) EXECUTE FUNCTION bar();
    SELECT pg_advisory_lock(4711)`)
  let isOpen = false
  const open = async () => {
    if (isOpen) return
    isOpen = true
    await gatekeeper.query('SELECT pg_advisory_unlock(4711)')
    await gatekeeper.query('DROP FUNCTION bar() CASCADE')
    gatekeeper.release()
  }
  onTestFinished(open)
  const waiting = async () => {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*)::int AS count FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted AND backend_xid IS NOT NULL`.execute(
      scene.database.db,
    )
    return rows[0]?.count ?? 0
  }
  return { open, isReached: () => expect.poll(waiting).toBeGreaterThan(0) }
}

describe('a canary', () => {
  it('that is delivered lets the rest follow', async () => {
    const server = await scene.startServer()
    await scene.startWorker(server.url).ready()
    await insertFailed(300)
    const { code, stdout } = await replay('--canary', '20').end
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/\b(19|20|18) of the first 20 were delivered when the rest followed\./),
    })
    await waitUntilSent(scene.database.db, 300)
    expect(duplicates(server)).toBe(0)
  })

  it('that is refused keeps the rest as it was, and says so', async () => {
    const server = await scene.startServer({ recipient: () => '550 5.1.1 no such user' })
    await scene.startWorker(server.url).ready()
    await insertFailed(300)
    const { code, stdout } = await replay('--canary', '20').end
    const verdict =
      /\d of the first 20 were delivered: fewer than 90 %, so it goes no further\. The rest is as it was\./
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(verdict) })
    expect((await fleet('replay', 'show', '1').end).stdout).toMatch(verdict)
    await expect.poll(() => countByStatus(scene.database.db)).toEqual({ failed: 300 })
    expect(await endsOf('failed')).toEqual([
      { attempts: 1, errorClass: 'recipient_unknown' },
      { attempts: 3, errorClass: 'mailbox_full' },
    ])
  })
})

it('a stop lets none go out any more of a replay that is under way, and makes them what they were', async () => {
  const server = await scene.startServer()
  await scene.startWorker(server.url).ready()
  await insertFailed(400)
  expect((await replay('--rate', '40/s').end).code).toBe(0)
  await waitForMails(server, 20)
  expect((await fleet('replay', 'stop', '1').end).code).toBe(0)
  const sent = server.mails.length
  expect(await countByStatus(scene.database.db)).toEqual({ sent, failed: 400 - sent })
  // Forty would have become due.
  await delay(1_000)
  expect(server.mails).toHaveLength(sent)
  expect(await endsOf('failed')).toEqual([{ attempts: 3, errorClass: 'mailbox_full' }])
})

it('Ctrl-C leaves a replay to the lifecycle worker, and says how to look at it and how to stop it', async () => {
  const server = await scene.startServer()
  await startLifecycle(server.url)
  await insertFailed(2 * batch)
  const bar = await barAfter(0)
  const command = replay()
  await expect.poll(() => itemsThat('waiting')).toBe(2 * batch)
  await bar.isReached()
  command.kill('SIGINT')
  expect((await command.end).code).toBe(130)
  expect(command.stderr()).toMatch(
    /Replay 1 goes on without this terminal\. Look at it: fleet replay show 1\. Stop it: fleet replay stop 1\n$/,
  )
  await bar.open()
  await expect.poll(() => itemsThat('replayed')).toBe(2 * batch)
  expect(await countByStatus(scene.database.db)).toEqual({ pending: 2 * batch })
})

it('a replay whose command and whose worker are killed in the midst of a batch loses nothing and doubles nothing', async () => {
  const server = await scene.startServer()
  const mails = 3 * batch
  await insertFailed(mails)
  const first = await barAfter(batch)
  const command = replay()
  await first.isReached()
  await expect.poll(() => itemsThat('replayed')).toBe(batch)
  command.kill('SIGKILL')
  await command.end
  await first.open()
  await sessionsHaveEnded('fleet cli')

  const second = await barAfter(2 * batch)
  const killed = await startLifecycle(server.url)
  await second.isReached()
  await expect.poll(() => itemsThat('replayed')).toBe(2 * batch)
  await killed.stop('SIGKILL')
  await second.open()
  expect(await countByStatus(scene.database.db)).toEqual({ failed: batch, pending: 2 * batch })

  await scene.startWorker(server.url).ready()
  await startLifecycle(server.url)
  await expect.poll(() => itemsThat('waiting')).toBe(0)
  await waitUntilSent(scene.database.db, mails)
  expect(duplicates(server)).toBe(0)
  expect(server.mails).toHaveLength(mails)
  expect(await endsOf('sent')).toEqual([{ attempts: 1, errorClass: null }])
  const { rows } = await sql<{ changes: object }>`SELECT changes FROM audit_log WHERE action = 'replay'`.execute(
    scene.database.db,
  )
  expect(rows).toMatchObject([{ changes: { replay: 1, count: mails, byStatus: { failed: mails } } }])
})

it('the same command twice at once sends each mail once', async () => {
  const server = await scene.startServer()
  await insertFailed(500)
  const ends = await Promise.all([replay('--include-sent').end, replay('--include-sent').end])
  expect(ends.map(({ code }) => code)).toEqual([0, 0])
  await scene.startWorker(server.url).ready()
  await waitUntilSent(scene.database.db, 500)
  expect(server.mails).toHaveLength(500)
})
