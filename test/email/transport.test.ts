import { readdir, rm } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { createTransport } from '../../src/email/transport.ts'
import { makeTemporaryFolder } from '../support/temporary-folder.ts'

const mail = {
  emailId: 7,
  subject: 'hello',
  envelope: { from: 'us@vertex.example', to: ['a@x.example'] },
  message: Buffer.from('Subject: hello\r\n\r\nhello\r\n'),
}

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function start() {
  const mailbox = await makeTemporaryFolder()
  folders.push(mailbox)
  return { mailbox, transport: createTransport('mailbox:', { lanes: 1, mailbox }) }
}

it('the mailbox takes a mail once handOver says so', async () => {
  const { mailbox, transport } = await start()
  let before: readonly string[] | undefined
  const exchange = await transport.offer(mail, async () => {
    before = await readdir(mailbox)
    return true
  })
  expect(exchange).toMatchObject({ stage: 'handed_over', message: { code: 250 } })
  expect(before).toEqual([])
  expect(await readdir(mailbox)).toHaveLength(1)
})

it.each([
  ['refuses', async () => false],
  ['rejects', () => Promise.reject(new Error('the database is away'))],
])('the mailbox takes nothing when handOver %s', async (_what, handOver) => {
  const { mailbox, transport } = await start()
  const exchange = await transport.offer(mail, handOver)
  expect(exchange).toMatchObject({ stage: 'body', message: undefined, fault: { code: 'EWITHDRAWN' } })
  expect(await readdir(mailbox)).toEqual([])
})
