import { Resolver } from 'node:dns/promises'

/** What node:dns says of a name that is not there, or has no record of the kind. */
const absent = new Set(['ENOTFOUND', 'ENODATA', 'NXDOMAIN'])
const offline = new Set([
  'ECONNREFUSED',
  'ETIMEOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ESERVFAIL',
  'EREFUSED',
  'ECANCELLED',
])

const timeoutMs = 1_500
const tries = 2

/** Asks the host's name servers, or those given as `address:port`, and waits for some seconds at most. */
export function createTxtResolver(servers?: readonly string[]): (name: string) => Promise<string[][]> {
  const resolver = new Resolver({ timeout: timeoutMs, tries, maxTimeout: timeoutMs })
  if (servers) resolver.setServers(servers)
  return (name) => resolver.resolveTxt(name)
}

/** The text records of a name, each whole; none where the name is not there. */
export async function txtOf(name: string, resolveTxt: (name: string) => Promise<string[][]>): Promise<string[]> {
  try {
    const records = await resolveTxt(name)
    return records.map((parts) => parts.join(''))
  } catch (error) {
    if (absent.has(codeOf(error))) return []
    throw error
  }
}

/** Whether the error says that nobody who knows has been asked. */
export function isOffline(error: unknown): error is Error & { code: string } {
  return offline.has(codeOf(error))
}

/** The `name=value` pairs of a record (RFC 6376, 3.2), white space within values dropped. */
export function readTags(record: string): Map<string, string> {
  const pairs = record.split(';').flatMap((tag) => {
    const [, name, value] = /^\s*(\w+)\s*=([\s\S]*)$/.exec(tag) ?? []
    return name === undefined || value === undefined ? [] : [[name, value.replace(/\s+/g, '')] as const]
  })
  return new Map(pairs)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
