import { chmod, mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { canEnter, canRun, parsePasswd } from '../../../src/db/embedded/account.ts'
import { startEmbedded } from '../../../src/db/embedded/embedded.ts'
import { ask } from './home.ts'

const isRoot = process.getuid?.() === 0
const stranger = { name: 'stranger', uid: 4_000_001, gid: 4_000_001 }

test('accounts are read from passwd, with the negative ids of macOS and without its comments', () => {
  const text =
    '# User Database\nnobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\npostgres:x:101:104::/:\n+::::::\n'
  expect(parsePasswd(text)).toEqual([
    { name: 'nobody', uid: 4294967294, gid: 4294967294 },
    { name: 'postgres', uid: 101, gid: 104 },
  ])
})

test('a folder can be entered when everything above it can', async () => {
  const top = await mkdtemp(join(tmpdir(), 'fleet-account-'))
  const inner = join(top, 'inner')
  const program = join(inner, 'program')
  await mkdir(inner)
  await writeFile(program, '', { mode: 0o755 })
  const answers = async () => [await canEnter(inner, stranger), await canRun(program, stranger)]
  expect(await answers()).toEqual([false, false])
  await chmod(top, 0o711)
  await chmod(inner, 0o711)
  await chmod(program, 0o755)
  expect(await answers()).toEqual([true, true])
  await chmod(program, 0o711)
  expect(await answers()).toEqual([true, false])
  expect(await canEnter(inner, undefined)).toBe(true)
  await rm(top, { recursive: true })
})

test.skipIf(!isRoot)('root gets a database also for a project that only root can enter', async () => {
  const project = await mkdtemp(join(tmpdir(), 'fleet-root-'))
  const home = join(project, '.fleet')
  const embedded = await startEmbedded({ directory: home })
  try {
    expect(embedded.dataDirectory).toMatch(/\/vertex-ar-fleet\/[0-9a-f]{12}\/postgres$/)
    expect(await ask(embedded.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  } finally {
    await embedded.stop()
    await rm(project, { recursive: true })
    await rm(join(embedded.dataDirectory, '..'), { recursive: true })
    await rmdir(join(embedded.dataDirectory, '..', '..')).catch(() => {}) // Unless other projects have data there.
  }
})
