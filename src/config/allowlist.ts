import { readMailAddress, readMailDomain } from '../runtime/mail-address.ts'
import type { Reading } from '../runtime/reading.ts'

/** Addresses and, with a leading `@`, whole domains; in lower case, domains in ASCII. */
export type Allowlist = readonly string[]

/** Reads `anna@example.org, @example.com`. */
export function readAllowlist(text: string): Reading<Allowlist> {
  const entries: string[] = []
  for (const part of text.split(',').map((given) => given.trim())) {
    const reading = part.startsWith('@') ? readMailDomain(part.slice(1)) : readMailAddress(part)
    if ('reason' in reading) return { reason: `has "${part}", which ${reading.reason}` }
    entries.push(`${part.startsWith('@') ? '@' : ''}${reading.value}`.toLowerCase())
  }
  return { value: [...new Set(entries)] }
}
