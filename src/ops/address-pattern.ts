import { domainToUnicode } from 'node:url'
import { readMailAddress, readMailDomain } from '../runtime/mail-address.ts'
import type { Reading } from '../runtime/reading.ts'

/** One address, or all addresses of one domain. */
export interface AddressPattern {
  /** As it was given. */
  readonly text: string
  /** Undefined where it stands for a whole domain. */
  readonly localPart: string | undefined
  /** The ways rows may spell the domain: ASCII (punycode) and Unicode. */
  readonly domains: readonly string[]
}

/** Reads `name@example.org` or `@example.org`. Never throws. */
export function readAddressPattern(text: string): Reading<AddressPattern> {
  const at = text.lastIndexOf('@')
  if (at === 0) {
    const domain = readMailDomain(text.slice(1))
    return 'reason' in domain ? domain : { value: { text, localPart: undefined, domains: spellings(domain.value) } }
  }
  const address = readMailAddress(text)
  if ('reason' in address) return address
  const cut = address.value.lastIndexOf('@')
  return {
    value: { text, localPart: address.value.slice(0, cut), domains: spellings(address.value.slice(cut + 1)) },
  }
}

function spellings(ascii: string): string[] {
  return [...new Set([ascii, domainToUnicode(ascii) || ascii])]
}
