import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { Reading } from '../runtime/reading.ts'

/** RFC 8301 3.2: shorter keys must not sign, and verifiers must not accept them. */
const leastBits = 1024

/**
 * Reads an unencrypted RSA key in PEM, its line ends written as such or as `\n`. Checked here because nodemailer sends mail
 * unsigned, and says nothing, when a key cannot sign.
 */
export function readDkimKey(text: string): Reading<string> {
  const pem = `${text.replaceAll('\\n', '\n').trim()}\n`
  const key = parseKey(pem)
  if (key === undefined) return { reason: 'is not an unencrypted private key in PEM' }
  if (key.asymmetricKeyType !== 'rsa') return { reason: `is a key of another kind (${key.asymmetricKeyType})` }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  return bits < leastBits ? { reason: `is a key of ${bits} bits` } : { value: pem }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
