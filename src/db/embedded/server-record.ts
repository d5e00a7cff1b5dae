import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import { placeFile } from './cluster.ts'
import { EmbeddedError } from './embedded-error.ts'

/** What one process leaves in the home for others of the same user: how to reach the server that it started. */
export interface ServerRecord {
  /** With the password: the file is readable by its owner only. */
  readonly url: string
  /** The server's process. */
  readonly pid: number
  readonly port: number
  readonly dataDirectory: string
}

/** `owner` is whom root leaves the record to; for everybody else undefined. */
export async function writeRecord(home: string, record: ServerRecord, owner: Account | undefined): Promise<void> {
  await placeFile(recordFile(home), `${JSON.stringify(record, null, 2)}\n`, owner)
}

/**
 * The last record written, also when that server has long been stopped; undefined where there is none that can be read
 * as one.
 * @throws EmbeddedError EMBEDDED_FORBIDDEN when the home belongs to another user
 */
export async function readRecord(home: string): Promise<ServerRecord | undefined> {
  let text: string
  try {
    text = await readFile(recordFile(home), 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new EmbeddedError('EMBEDDED_FORBIDDEN', `${home} cannot be read by this user`, {
      hint: 'Use the user who runs "npm start", or set DATABASE_URL.',
      cause,
    })
  }
  return parse(text)
}

function parse(text: string): ServerRecord | undefined {
  try {
    const { url, pid, port, dataDirectory } = JSON.parse(text)
    const valid = typeof url === 'string' && typeof dataDirectory === 'string'
    return valid && Number.isInteger(pid) && Number.isInteger(port) ? { url, pid, port, dataDirectory } : undefined
  } catch {
    return undefined
  }
}

function recordFile(home: string): string {
  return join(home, 'postgres.json')
}
