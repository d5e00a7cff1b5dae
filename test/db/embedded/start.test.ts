import { execFile } from 'node:child_process'
import { access, readFile, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Embedded, findEmbedded, startEmbedded } from '../../../src/db/embedded/embedded.ts'
import { writeRecord } from '../../../src/db/embedded/server-record.ts'
import { makeTemporaryFolder } from '../../support/temporary-folder.ts'
import { ask } from './home.ts'

let project: string
let home: string
let embedded: Embedded

beforeAll(async () => {
  project = await makeTemporaryFolder()
  home = join(project, '.fleet')
  embedded = await startEmbedded({ directory: home })
})

afterAll(async () => {
  await embedded.stop()
  await rm(project, { recursive: true, force: true })
})

test('it listens on the loopback only, on no socket file', async () => {
  const { port } = new URL(embedded.url)
  const [row] = await ask(
    embedded.url,
    "SELECT current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets",
  )
  expect(row).toEqual({ addresses: '127.0.0.1', sockets: '' })
  await expect(access(`/tmp/.s.PGSQL.${port}`)).rejects.toThrow('ENOENT')
  for (const { address, internal } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    if (!internal) expect(await connectionError(address, Number(port))).not.toBe('connected')
  }
})

test('it keeps what a commit promises', async () => {
  const rows = await ask(
    embedded.url,
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY 1",
  )
  expect(rows.map(({ setting }) => setting)).toEqual(['on', 'on', 'on'])
})

test('its folder, data, password and record are closed to other users', async () => {
  const mode = async (...path: string[]) => ((await stat(join(home, ...path))).mode & 0o777).toString(8)
  expect(await mode()).toBe('700')
  expect(await mode('postgres')).toBe('700')
  expect(await mode('postgres', 'fleet.password')).toBe('600')
  expect(await mode('postgres.json')).toBe('600')
  expect(await mode('postgres.log')).toBe('600')
})

test('nobody gets in without the password, and no command line shows it', async () => {
  const url = new URL(embedded.url)
  const { password } = url
  url.password = 'wrong'
  await expect(ask(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ps axww -o args || cat /proc/[0-9]*/cmdline'])
  expect(stdout).toContain('postgres')
  expect(stdout).not.toContain(password)
})

test('it runs as an ordinary user', async () => {
  const { uid } = await stat(embedded.dataDirectory)
  expect(uid).not.toBe(0)
})

test('a second process finds it', async () => {
  const script = `
    const { findEmbedded } = await import(${JSON.stringify(new URL('../../../src/db/embedded/embedded.ts', import.meta.url).href)})
    console.log(JSON.stringify(await findEmbedded({ directory: process.argv[1] })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, home])
  expect(JSON.parse(stdout)).toEqual({ url: embedded.url, pid: embedded.pid })
})

describe('nothing is found', () => {
  test('where none has ever run', async () => {
    expect(await findEmbedded({ directory: join(project, 'other') })).toBeUndefined()
  })
  test('when the record speaks of another server', async () => {
    const record = JSON.parse(await readFile(join(home, 'postgres.json'), 'utf8'))
    await writeRecord(project, { ...record, dataDirectory: '/elsewhere' }, undefined)
    expect(await findEmbedded({ directory: project })).toBeUndefined()
  })
})

function connectionError(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, timeout: 2_000 })
  return new Promise((resolve) => {
    socket.once('connect', () => resolve('connected'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    socket.once('timeout', () => resolve('timeout'))
  }).then((answer) => {
    socket.destroy()
    return String(answer)
  })
}
