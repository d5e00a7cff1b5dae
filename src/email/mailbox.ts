import { access, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileSlug } from './file-slug.ts'
import { oneLine } from './one-line.ts'

/** One mail as it would be handed to a server, and what its file is named after. */
export interface MailboxDelivery {
  readonly envelopeFrom: string
  /** All of the envelope, Bcc included. */
  readonly recipients: readonly string[]
  readonly message: Buffer
  readonly emailId: number
  readonly subject: string
}

/** A directory that mail is delivered to instead of a server. */
export interface LocalMailbox {
  readonly directory: string
  /**
   * Writes one `.eml` file, readable by its owner only: the trace fields that a delivering server adds (RFC 5321
   * section 4.4), then the message byte for byte. The file is durable once the promise resolves, and nobody
   * sees a part of it. Names sort by time. Any number of processes may deliver at once. Throws `MailboxError`.
   */
  deliver(delivery: MailboxDelivery): Promise<{ path: string }>
}

/** The mail could not be written: no space, no permission. */
export class MailboxError extends Error {
  override readonly name = 'MailboxError'
  readonly code = 'EMAIL_MAILBOX_WRITE'
}

/** The mailbox in `directory`, which the first delivery makes where it is missing. `now` dates the files. */
export function createMailbox(options: { directory: string; now?: () => Date }): LocalMailbox {
  const { directory, now = () => new Date() } = options

  return {
    directory,
    async deliver(delivery) {
      const content = Buffer.concat([traceFields(delivery), delivery.message])
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        const path = await writeUnderFreeName(directory, fileStem(delivery, now()), content)
        return { path }
      } catch (cause) {
        throw new MailboxError(`cannot write a mail into ${directory}`, { cause })
      }
    },
  }
}

function traceFields(delivery: MailboxDelivery): Buffer {
  const fields = [
    `Return-Path: <${oneLine(delivery.envelopeFrom)}>`,
    ...delivery.recipients.map((address) => `Delivered-To: ${oneLine(address)}`),
  ]
  return Buffer.from(`${fields.join('\r\n')}\r\n`)
}

/** `20261122T194200.123Z-000012-subject`, in UTC. */
function fileStem(delivery: MailboxDelivery, time: Date): string {
  const stamp = time.toISOString().replace(/[-:]/g, '')
  return `${stamp}-${String(delivery.emailId).padStart(6, '0')}-${fileSlug(delivery.subject)}`
}

async function writeUnderFreeName(directory: string, stem: string, content: Buffer): Promise<string> {
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? `${stem}.eml` : `${stem}-${copy}.eml`
    const path = join(directory, name)
    if (await writeNew({ path, hidden: join(directory, `.${name}.part`) }, content)) {
      await syncDirectory(directory)
      return path
    }
  }
}

/**
 * False where the name is taken. Only one process can create the hidden file of a name, and only that one may put the
 * visible file there: a name that is free meanwhile stays free until the rename. Hard links would do it in one step,
 * but some file systems lack them.
 */
async function writeNew(file: { path: string; hidden: string }, content: Buffer): Promise<boolean> {
  try {
    await writeFile(file.hidden, content, { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    await rm(file.hidden, { force: true })
    throw error
  }
  if (await exists(file.path)) {
    await rm(file.hidden)
    return false
  }
  await rename(file.hidden, file.path)
  return true
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** The name is durable only once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
