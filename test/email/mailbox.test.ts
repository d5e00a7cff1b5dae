import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { simpleParser } from 'mailparser'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileSlug } from '../../src/email/file-slug.ts'
import { createMailbox, type MailboxDelivery } from '../../src/email/mailbox.ts'

const time = new Date('2026-11-22T19:42:00.123Z')
const delivery: MailboxDelivery = {
  envelopeFrom: 'no-reply@vertexar.com',
  recipients: ['ivan@example.com', 'hidden@example.com'],
  message: Buffer.from(
    'From: no-reply@vertexar.com\r\nTo: ivan@example.com\r\nSubject: x\r\n\r\n.Text\r\n\xff',
    'latin1',
  ),
  emailId: 12,
  subject: 'Подписка закончится: «Ёлки» & Co',
}

let parent: string
let directory: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mailbox-'))
  directory = join(parent, '.fleet', 'mailbox')
})

afterEach(() => rm(parent, { recursive: true }))

function mailbox() {
  return createMailbox({ directory, now: () => time })
}

describe('a delivery', () => {
  it('writes the message byte for byte, after the trace fields', async () => {
    const { path } = await mailbox().deliver(delivery)
    const trace =
      'Return-Path: <no-reply@vertexar.com>\r\nDelivered-To: ivan@example.com\r\nDelivered-To: hidden@example.com\r\n'
    expect((await readFile(path)).equals(Buffer.concat([Buffer.from(trace), delivery.message]))).toBe(true)
  })

  it('can be read by a mail program, which sees who got it', async () => {
    const { path } = await mailbox().deliver(delivery)
    const mail = await simpleParser(await readFile(path))
    expect(mail.headers.get('delivered-to')).toMatchObject([
      { text: 'ivan@example.com' },
      { text: 'hidden@example.com' },
    ])
    expect(mail.subject).toBe('x')
  })

  it('has a name that says when, which row and what about', async () => {
    const { path } = await mailbox().deliver(delivery)
    expect(path).toBe(join(directory, '20261122T194200.123Z-000012-podpiska-zakonchitsya-elki-co.eml'))
  })

  it('is for its owner alone', async () => {
    const { path } = await mailbox().deliver(delivery)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
  })

  it('adds no field through an address', async () => {
    const recipients = ['a@b.c>\r\nX-Evil: 1']
    const { path } = await mailbox().deliver({ ...delivery, envelopeFrom: 'x@y.z\nX-Evil: 2', recipients })
    expect(await readFile(path, 'utf8')).not.toMatch(/^X-Evil/m)
  })

  it('of the same row at the same moment goes into a file of its own', async () => {
    const paths = await Promise.all(Array.from({ length: 5 }, () => mailbox().deliver(delivery)))
    const names = paths.map(({ path }) => basename(path)).sort()
    expect(new Set(names).size).toBe(5)
    expect((await readdir(directory)).sort()).toEqual(names)
    expect(names).toContain('20261122T194200.123Z-000012-podpiska-zakonchitsya-elki-co-2.eml')
  })

  it('leaves alone what a killed process left behind', async () => {
    const { path } = await mailbox().deliver(delivery)
    await rm(path)
    const left = join(directory, `.${basename(path)}.part`)
    await writeFile(left, 'half')
    expect((await mailbox().deliver(delivery)).path).toBe(path.replace('.eml', '-2.eml'))
    expect(await readFile(left, 'utf8')).toBe('half')
  })

  it('that cannot be written fails with a code and leaves nothing', async () => {
    await writeFile(join(parent, 'file'), '')
    const blocked = createMailbox({ directory: join(parent, 'file', 'mailbox') })
    await expect(blocked.deliver(delivery)).rejects.toMatchObject({
      code: 'EMAIL_MAILBOX_WRITE',
      cause: { code: 'ENOTDIR' },
    })
  })

  it('into a directory that already exists keeps its permissions', async () => {
    await mailbox().deliver(delivery)
    await chmod(directory, 0o750)
    await mailbox().deliver(delivery)
    expect((await stat(directory)).mode & 0o777).toBe(0o750)
  })
})

describe('two processes', () => {
  const each = 60

  /** Delivers rows with the same ids, at a clock that stands still, so that every name is wanted twice. */
  async function deliverAll(): Promise<void> {
    const module = new URL('../../src/email/mailbox.ts', import.meta.url).href
    const script = `
      const { createMailbox } = await import(${JSON.stringify(module)})
      const mailbox = createMailbox({ directory: ${JSON.stringify(directory)}, now: () => new Date(${time.getTime()}) })
      const message = Buffer.from('Subject: x\\r\\n\\r\\n' + 'text '.repeat(10_000) + 'END')
      for (let emailId = 0; emailId < ${each}; emailId += 1)
        await mailbox.deliver({ envelopeFrom: 'a@b.c', recipients: [], message, emailId: emailId % 10, subject: 'x' })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([0, null])
  }

  it('never collide, and nobody sees half a mail', async () => {
    const first = await mailbox().deliver(delivery)
    await rm(first.path)
    const halves: string[] = []
    const watcher = watchMails(halves)
    await Promise.all([deliverAll(), deliverAll()])
    watcher.close()
    const names = await readdir(directory)
    expect(names.filter((name) => name.endsWith('.eml'))).toHaveLength(2 * each)
    expect(names.filter((name) => name.endsWith('.part'))).toEqual([])
    for (const name of names) expect(readFileSync(join(directory, name), 'latin1')).toMatch(/END$/)
    expect(halves).toEqual([])
  })

  /** Reads every mail the moment that it appears, and notes those that are not whole. */
  function watchMails(halves: string[]): FSWatcher {
    return watch(directory, (_, name) => {
      if (name?.endsWith('.eml') && !readFileSync(join(directory, name), 'latin1').endsWith('END')) halves.push(name)
    })
  }
})

describe('a slug', () => {
  it.each([
    ['Подписка закончится через 7 дней', 'podpiska-zakonchitsya-cherez-7-dney'],
    ['Щётка, подъезд, Йод, эхо, юг', 'shchetka-podezd-yod-ekho-yug'],
    ['Ünïcödé Çà ﬁne', 'unicode-ca-fine'],
    ['../../etc/passwd', 'etc-passwd'],
    ['a\0b\\c:d*e?f"g<h>i|j', 'a-b-c-d-e-f-g-h-i-j'],
    ['漢字 🎉', 'untitled'],
    ['', 'untitled'],
    ['-- x --', 'x'],
    ['long '.repeat(30), 'long-long-long-long-long-long-long-long-long-lon'],
  ])('of %j is %s', (text, slug) => {
    expect(fileSlug(text)).toBe(slug)
  })
})
