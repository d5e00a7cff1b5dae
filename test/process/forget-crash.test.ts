import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { remains } from '../ops/forget/forgetting.ts'
import { setScene } from './scene.ts'

const scene = setScene()
const mails = 40_000

function startForget() {
  const child = spawn(join(scene.installation.directory, 'bin/fleet'), ['forget', 'ann@x.org', '--yes', '--json'], {
    cwd: scene.installation.directory,
    env: { PATH: process.env.PATH, USER: 'ann', DATABASE_URL: scene.database.url },
    stdio: 'ignore',
  })
  const exit = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), exit }
}

async function countErased(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM email_queue WHERE erased_at IS NOT NULL`.execute(scene.database.db)
  return rows[0]?.count ?? 0
}

it.each([['SIGKILL'], ['SIGINT']] as const)(
  'a command that %s ends midway is gone on with by the next one',
  async (signal) => {
    await sql`
    INSERT INTO email_queue (recipient_to, subject, body, status)
    SELECT 'ann@x.org', 's', repeat('Dear Ann ', 20), CASE WHEN n % 2 = 0 THEN 'sent' ELSE 'held' END
      FROM generate_series(1, ${mails}::int) n`.execute(scene.database.db)
    const command = startForget()
    await expect.poll(countErased, { interval: 5 }).toBeGreaterThan(0)
    command.kill(signal)
    await command.exit
    const erased = await countErased()
    expect(erased).toBeLessThan(mails)
    // Whatever was done was done as a whole.
    const { rows } = await sql`
    SELECT FROM email_queue
     WHERE (erased_at IS NULL) <> (recipient_to = 'ann@x.org') OR (erased_at IS NOT NULL AND (body <> '' OR status = 'held'))`.execute(
      scene.database.db,
    )
    expect(rows).toEqual([])
    const [code] = await startForget().exit
    expect(code).toBe(0)
    expect(await countErased()).toBe(mails)
    expect(await remains(scene.database, 'ann@x.org', 'Dear Ann')).toEqual([])
  },
)
