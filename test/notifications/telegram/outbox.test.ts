import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOutbox } from '../../../src/notifications/channels/outbox.ts'
import { Stage } from './stage.ts'

let stage: Stage
let parent: string
let directory: string

beforeEach(async () => {
  stage = await Stage.set()
  parent = await mkdtemp(join(tmpdir(), 'outbox-'))
  directory = join(parent, '.fleet', 'outbox')
})

afterEach(async () => {
  await stage.strike()
  await rm(parent, { recursive: true })
})

function deliver(notice: Parameters<Stage['deliver']>[0] = {}) {
  return stage.deliver(notice, stage.channel({ botToken: undefined, apiRoot: 'outbox:', outbox: directory }))
}

async function read(): Promise<string[]> {
  const names = (await readdir(directory)).sort()
  return await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
}

test('a message becomes a file that reads as it would be sent, without a token', async () => {
  const data = { image_url: 'https://example.com/a.png', buttons: [{ text: 'Renew', url: 'https://example.com/r' }] }
  expect(await deliver({ data })).toMatchObject({ outcome: { kind: 'sent' } })
  expect(await read()).toEqual([
    [
      'To: Telegram chat 5',
      'Notification: 17',
      'Image: https://example.com/a.png',
      'Buttons: [Renew](https://example.com/r)',
      '',
      '<b>Subscription</b>\n\nEnds <b>tomorrow</b>.\n',
    ].join('\n'),
  ])
  expect(stage.server.requests).toEqual([])
})

test('each part is a file', async () => {
  await deliver({ subject: null, message: `${'a'.repeat(3_000)}\n\n${'b'.repeat(3_000)}` })
  expect((await read()).map((content) => content.split('\n')[2])).toEqual(['Part: 1 of 2', 'Part: 2 of 2'])
})

test('a name sorts by time and says which row and what about; the file is for its owner alone', async () => {
  const outbox = createOutbox({ directory, now: () => new Date('2026-11-22T19:42:00.123Z') })
  const message = { notificationId: 17, title: 'Подписка', fields: { To: 'a\nEvil: b' }, text: 'Text' }
  const { path } = await outbox.write(message)
  expect(path).toBe(join(directory, '20261122T194200.123Z-000017-podpiska.txt'))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readFile(path, 'utf8')).toBe('To: a Evil: b\n\nText\n')
  expect((await outbox.write(message)).path).toBe(path.replace('.txt', '-2.txt'))
})

test('nothing is written once the row was withdrawn', async () => {
  stage.mayHandOver = async () => false
  expect(await deliver()).toMatchObject({ outcome: { kind: 'untouched' } })
  await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('an outbox that cannot be written to is a soft failure', async () => {
  directory = join(parent, 'file')
  await writeFile(directory, '')
  expect(await deliver()).toMatchObject({ outcome: { kind: 'soft_failure', errorClass: 'unreachable' } })
})
