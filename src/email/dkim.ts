import { createPrivateKey, type KeyObject } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import DKIM from 'nodemailer/lib/dkim'

/** Which key signs: the public half is the TXT record of `<selector>._domainkey.<domain>`. */
export interface DkimKey {
  readonly domain: string
  readonly selector: string
  /** PEM, RSA of at least 1,024 bits (RFC 8301); 2,048 is usual. nodemailer signs with no other kind. */
  readonly privateKey: string
}

/** The key cannot sign. A fault of the configuration, not of a message. */
export class DkimKeyError extends Error {
  override readonly name = 'DkimKeyError'
  readonly code = 'EMAIL_DKIM_KEY'
}

const shortestModulusBits = 1024

/**
 * The fields that are signed where a message has them: RFC 6376 section 5.4.1, and those of one-click unsubscription,
 * which RFC 8058 wants covered.
 */
const signedFields = [
  'From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding',
  'In-Reply-To:References:Auto-Submitted:List-Id:List-Unsubscribe:List-Unsubscribe-Post',
].join(':')

const signers = new WeakMap<DkimKey, DKIM>()

/**
 * The message with a DKIM-Signature before its first field (RFC 6376, rsa-sha256, relaxed/relaxed). The rest stays
 * byte for byte. Throws `DkimKeyError` rather than give an unsigned message back.
 */
export async function signMessage(message: Buffer, key: DkimKey): Promise<Buffer> {
  const signed = await buffer(signerOf(key).sign(message))
  // nodemailer passes a message on unsigned when the key fails.
  if (signed.length === message.length) throw new DkimKeyError('the DKIM key did not sign')
  return signed
}

/** Throws `DkimKeyError` where the key cannot sign, so that a worker can say so before it claims anything. */
export function assertDkimKey(key: DkimKey): void {
  signerOf(key)
}

function signerOf(key: DkimKey): DKIM {
  const known = signers.get(key)
  if (known) return known
  const signer = new DKIM({
    domainName: key.domain,
    keySelector: key.selector,
    privateKey: readPrivateKey(key.privateKey),
    headerFieldNames: signedFields,
  })
  signers.set(key, signer)
  return signer
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw new DkimKeyError('the DKIM key is not a private key in PEM form', { cause })
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType !== 'rsa') {
    throw new DkimKeyError(`the DKIM key is of type ${key.asymmetricKeyType}; RSA is wanted`)
  }
  if (bits < shortestModulusBits) {
    throw new DkimKeyError(`the DKIM key has ${bits} bits; at least ${shortestModulusBits} are wanted`)
  }
  return key
}
