import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const nonceBytes = 24
const signatureBytes = 24
/** 48 bytes, which base64url writes without a rest: no two texts are the same token. */
const tokenForm = /^[\w-]{64}$/

/** What a link of the bot holds: 64 characters, the most that Telegram hands on with `/start`, random and signed. */
export function createLinkToken(botToken: string): string {
  const nonce = randomBytes(nonceBytes)
  return Buffer.concat([nonce, sign(nonce, botToken)]).toString('base64url')
}

/** Whether somebody who has the bot's token has made it. */
export function isGenuineLinkToken(token: string, botToken: string): boolean {
  if (!tokenForm.test(token)) return false
  const bytes = Buffer.from(token, 'base64url')
  const signature = bytes.subarray(nonceBytes)
  return timingSafeEqual(signature, sign(bytes.subarray(0, nonceBytes), botToken))
}

/** What is kept of it: whoever reads the database cannot make a link of that. */
export function hashLinkToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function sign(nonce: Uint8Array, botToken: string): Buffer {
  const key = createHmac('sha256', botToken).update('fleet: links to a Telegram chat').digest()
  return createHmac('sha256', key).update(nonce).digest().subarray(0, signatureBytes)
}
