import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { chooseAccount } from '../../../src/db/embedded/account.ts'
import { startEmbedded } from '../../../src/db/embedded/embedded.ts'
import { startHolder } from './holder-process.ts'
import { ask, makeHome } from './home.ts'

test('a server whose process was killed is taken over as it is', async () => {
  const home = await makeHome()
  const holder = startHolder(home)
  const first = await holder.hear()
  await ask(first.url ?? '', 'CREATE TABLE kept AS SELECT 42 AS answer')
  holder.child.kill('SIGKILL')
  await holder.ended
  const embedded = await startEmbedded({ directory: home })
  expect(embedded).toMatchObject({ pid: first.pid, url: first.url })
  expect(await ask(embedded.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  await embedded.stop()
  await expect(ask(embedded.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('what was committed is there again after a kill -9 of everything, on the same port', async () => {
  const home = await makeHome()
  const holder = startHolder(home)
  const { url = '', pid = 0 } = await holder.hear()
  await ask(url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const backends = await ask<{ pid: number }>(url, 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
  for (const victim of [holder.child.pid ?? 0, pid, ...backends.map((backend) => backend.pid)]) {
    killHard(victim)
  }
  await holder.ended
  const embedded = await startEmbedded({ directory: home })
  expect(embedded.url).toBe(url)
  expect(embedded.pid).not.toBe(pid)
  expect(await ask(embedded.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  await embedded.stop()
})

test('a killed first start leaves nothing in the way of the next', async () => {
  const home = await makeHome()
  const holder = startHolder(home)
  await vi.waitFor(
    async () => expect(await readdir(home)).toContainEqual(expect.stringMatching(/^postgres\.partial-\w+$/)),
    {
      interval: 5,
      timeout: 20_000,
    },
  )
  holder.child.kill('SIGKILL')
  await holder.ended
  expect(await readdir(home)).not.toContain('postgres')
  const embedded = await startEmbedded({ directory: home })
  await embedded.stop()
  expect((await readdir(home)).sort()).toEqual(['lock', 'lock.pid', 'postgres', 'postgres.json', 'postgres.log'])
})

test('the pid of a crashed server may belong to another program by now', async () => {
  const home = await makeHome()
  const before = await startEmbedded({ directory: home })
  const pidFile = join(before.dataDirectory, 'postmaster.pid')
  const left = await readFile(pidFile, 'utf8')
  await before.stop()
  const account = await chooseAccount([])
  const innocent = spawn('sleep', ['60'], account ? { uid: account.uid, gid: account.gid } : {})
  await once(innocent, 'spawn')
  await writeFile(pidFile, left.replace(String(before.pid), String(innocent.pid)))
  const embedded = await startEmbedded({ directory: home })
  expect(await ask(embedded.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  expect(innocent.exitCode).toBeNull()
  innocent.kill()
  await embedded.stop()
})

test('data of another major version are refused with advice', async () => {
  const home = await makeHome()
  await mkdir(join(home, 'postgres'), { recursive: true })
  await writeFile(join(home, 'postgres', 'PG_VERSION'), '16\n')
  await expect(startEmbedded({ directory: home })).rejects.toMatchObject({
    code: 'EMBEDDED_VERSION',
    message: expect.stringContaining('PostgreSQL 16'),
    hint: expect.stringContaining('move that folder away'),
  })
})

test('a folder with something else in the place of the data is refused', async () => {
  const home = await makeHome()
  await mkdir(join(home, 'postgres'), { recursive: true })
  await writeFile(join(home, 'postgres', 'note.txt'), 'mine')
  await expect(startEmbedded({ directory: home })).rejects.toMatchObject({ code: 'EMBEDDED_INIT_FAILED' })
  expect(await readFile(join(home, 'postgres', 'note.txt'), 'utf8')).toBe('mine')
})

/** The others may end by themselves as soon as the first is gone. */
function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' })
  }
}
