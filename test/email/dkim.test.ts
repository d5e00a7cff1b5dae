import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { composeMessage } from '../../src/email/compose.ts'
import { assertDkimKey, type DkimKey, DkimKeyError, signMessage } from '../../src/email/dkim.ts'

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key: DkimKey = { domain: 'vertexar.com', selector: 'fleet2026', privateKey: pem(rsa.privateKey) }
let message: Buffer

beforeAll(async () => {
  message = await composeMessage({
    from: { name: 'Vertex AR', address: 'no-reply@vertexar.com' },
    to: [{ name: 'Иван', address: 'ivan@example.com' }],
    cc: [{ name: '', address: 'cc@example.com' }],
    subject: 'Очень длинная тема письма, '.repeat(6),
    text: '.leading dot\n\ttabs  and   blanks \n\n\n\n',
    html: '<p>Здравствуйте!</p>',
    messageId: '<e-1@vertexar.com>',
    date: new Date('2026-11-22T19:42:00Z'),
    headers: { 'List-Unsubscribe': '<https://vertexar.com/u>', 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
  })
})

interface Signed {
  tags: Record<string, string>
  bodyHash: string
  /** What RFC 6376 section 3.7 has the signature cover, computed anew from the signed message. */
  covered: string
}

/** Reads a signed message as a verifier does: RFC 6376, relaxed/relaxed, written apart from the signer. */
function readSigned(signed: Buffer): Signed {
  const text = signed.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const fields = text.slice(0, end).split(/\r\n(?![ \t])/)
  const [signature = '', ...rest] = fields
  const value = signature.slice(signature.indexOf(':') + 1).replace(/\r\n/g, '')
  const tags = Object.fromEntries(
    value.split(';').map((tag) => {
      const at = tag.indexOf('=')
      return [tag.slice(0, at).trim(), tag.slice(at + 1).replace(/[ \t]+/g, '')]
    }),
  )
  const names = (tags.h ?? '').split(':')
  const chosen = names.map((name) => {
    const found = rest.findLast((field) => field.slice(0, field.indexOf(':')).toLowerCase() === name.toLowerCase())
    return found === undefined ? '' : `${relaxedField(found)}\r\n`
  })
  const unsigned = signature.replace(/(;\s*b=)[\s\S]*$/, '$1')
  return {
    tags,
    bodyHash: createHash('sha256')
      .update(relaxedBody(text.slice(end + 4)), 'latin1')
      .digest('base64'),
    covered: chosen.join('') + relaxedField(unsigned),
  }
}

function relaxedField(field: string): string {
  const at = field.indexOf(':')
  const value = field
    .slice(at + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '')
  return `${field.slice(0, at).toLowerCase().trim()}:${value}`
}

function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''))
  while (lines.at(-1) === '') lines.pop()
  return lines.map((line) => `${line}\r\n`).join('')
}

function isGenuine(signed: Buffer): boolean {
  const { tags, bodyHash, covered } = readSigned(signed)
  const signature = Buffer.from(tags.b ?? '', 'base64')
  return bodyHash === tags.bh && verify('sha256', Buffer.from(covered, 'latin1'), rsa.publicKey, signature)
}

describe('a signed message', () => {
  it('is the message with one field before it', async () => {
    const signed = await signMessage(message, key)
    expect(signed.subarray(signed.length - message.length).equals(message)).toBe(true)
    const field = signed.subarray(0, signed.length - message.length).toString()
    expect(field).toMatch(
      /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=vertexar\.com;\r\n(?:[ \t].*\r\n)+$/,
    )
    for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998)
  })

  it('is verified by the public key', async () => {
    expect(isGenuine(await signMessage(message, key))).toBe(true)
  })

  it('names domain, selector and the fields that it covers', async () => {
    const { tags } = readSigned(await signMessage(message, key))
    expect(tags).toMatchObject({
      v: '1',
      a: 'rsa-sha256',
      c: 'relaxed/relaxed',
      d: 'vertexar.com',
      s: 'fleet2026',
      q: 'dns/txt',
    })
    expect(tags.h?.split(':')).toEqual([
      'from',
      'subject',
      'date',
      'message-id',
      'to',
      'cc',
      'mime-version',
      'content-type',
      'auto-submitted',
      'list-unsubscribe',
      'list-unsubscribe-post',
    ])
  })

  it('of a text alone covers its transfer encoding', async () => {
    const plain = Buffer.from('From: a@b.c\r\nContent-Transfer-Encoding: 7bit\r\nX-Other: 1\r\n\r\nText\r\n')
    const signed = await signMessage(plain, key)
    expect(isGenuine(signed)).toBe(true)
    expect(readSigned(signed).tags.h).toBe('from:content-transfer-encoding')
  })

  it.each([
    ['the subject', 'Subject: ', 'Subject: Re: '],
    ['the sender', 'From: Vertex AR', 'From: Vertex XR'],
    ['the body', '.leading', '.Leading'],
    ['the unsubscription', 'vertexar.com/u>', 'vertexer.com/u>'],
  ])('whose %s was changed is not verified', async (_, before, after) => {
    const signed = (await signMessage(message, key)).toString('latin1')
    expect(signed).toContain(before)
    expect(isGenuine(Buffer.from(signed.replace(before, after), 'latin1'))).toBe(false)
  })

  it('is verified after a relay has refolded and respaced it', async () => {
    const signed = (await signMessage(message, key)).toString('latin1')
    const relayed = signed
      .replace('From: Vertex AR <', 'From:   Vertex\tAR\r\n  <')
      .replace('blanks \r\n', 'blanks\r\n')
    expect(relayed).not.toBe(signed)
    expect(isGenuine(Buffer.from(relayed, 'latin1'))).toBe(true)
  })

  it('is verified whatever the body holds (property)', async () => {
    const pieces = fc.constantFrom('\r\n', ' ', '\t', '.', 'a', 'é', '\r\n\r\n', 'x'.repeat(70_000))
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
        const body = parts.join('')
        expect(isGenuine(await signMessage(Buffer.from(`From: a@b.c\r\nSubject: x\r\n\r\n${body}`), key))).toBe(true)
      }),
    )
  })
})

describe('a key', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 768 })
  const edwards = generateKeyPairSync('ed25519')
  it.each([
    ['is not PEM', 'MIIEvQIBADAN', 'is not a private key in PEM form'],
    [
      'is a public one',
      rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'is not a private key in PEM form',
    ],
    ['is shorter than RFC 8301 allows', pem(small.privateKey), 'has 768 bits; at least 1024 are wanted'],
    ['is not RSA', pem(edwards.privateKey), 'is of type ed25519; RSA is wanted'],
  ])('that %s is refused before and at signing, without being shown', async (_, privateKey, reason) => {
    const unfit = { ...key, privateKey }
    expect(() => assertDkimKey(unfit)).toThrow(DkimKeyError)
    const error: unknown = await signMessage(message, unfit).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'EMAIL_DKIM_KEY', message: expect.stringContaining(reason) })
    expect(String(error)).not.toContain(privateKey.slice(30, 60) || privateKey)
  })

  it('in PKCS #1 form signs as well', async () => {
    const privateKey = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    expect(isGenuine(await signMessage(message, { ...key, privateKey }))).toBe(true)
  })
})
