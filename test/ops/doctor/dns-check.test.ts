import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { dnsCheck } from '../../../src/ops/doctor/dns-check.ts'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { hostWith, told } from './host.ts'

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const publicHalf = (type: 'spki' | 'pkcs1') =>
  createPublicKey(privateKey).export({ type, format: 'der' }).toString('base64')

const mail = { SMTP_URL: 'smtps://mail.example.org', EMAIL_FROM: 'a@news.example.org' }
const dkim = { DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 's1', DKIM_PRIVATE_KEY: privateKey }

const good = {
  'news.example.org': ['google-site-verification=x', 'v=spf1 ip4:192.0.2.1 -all'],
  's1._domainkey.example.org': [`v=DKIM1; k=rsa; p=${publicHalf('spki')}`],
  '_dmarc.example.org': ['v=DMARC1; p=none'],
}

let server: DnsServer | undefined
afterEach(async () => {
  await server?.stop()
  server = undefined
})

/** Examines with a name server that knows these records. */
async function examine(
  records: Readonly<Record<string, readonly string[]>>,
  env: Readonly<Record<string, string>> = {},
) {
  server = await startDnsServer(records)
  return dnsCheck.examine(hostWith({ ...mail, ...dkim, ...env }, server.address))
}

describe('the check of the DNS', () => {
  it('finds SPF, the key that signs, and DMARC of a domain above', async () => {
    expect(await examine(good)).toEqual({ findings: [], fine: 'news.example.org has SPF and DMARC; DKIM (s1)' })
    expect([...(server?.asked ?? [])].sort()).toEqual([
      '_dmarc.example.org',
      '_dmarc.news.example.org',
      'news.example.org',
      's1._domainkey.example.org',
    ])
  })

  it('takes the key in its older form, and next to one that is being rotated out', async () => {
    const records = [`v=DKIM1; p=`, `v=DKIM1; p=${publicHalf('pkcs1').replace(/(.{60})/g, '$1 ')}`]
    expect((await examine({ ...good, 's1._domainkey.example.org': records })).findings).toEqual([])
  })

  it('finds that nothing is published', async () => {
    const examination = await examine({})
    expect(told(examination)).toEqual([
      'warning SPF_MISSING: news.example.org has no SPF record',
      'error DKIM_RECORD_MISSING: s1._domainkey.example.org has no key',
      'warning DMARC_MISSING: news.example.org has no DMARC record',
    ])
    expect(examination.findings[1]?.remedy).toBe(
      `publish the TXT record of s1._domainkey.example.org: v=DKIM1; k=rsa; p=${publicHalf('spki')}`,
    )
  })

  it.each([
    { name: 'news.example.org', records: ['v=spf1 -all', 'v=spf1 mx ~all'], code: 'error SPF_SEVERAL' },
    { name: 'news.example.org', records: ['v=spf1 mx +all'], code: 'error SPF_OPEN' },
    { name: 'news.example.org', records: ['v=spf1 all'], code: 'error SPF_OPEN' },
    { name: 'news.example.org', records: ['v=spf10 -all'], code: 'warning SPF_MISSING' },
    { name: 's1._domainkey.example.org', records: ['v=DKIM1; p='], code: 'error DKIM_RECORD_MISSING' },
    { name: 's1._domainkey.example.org', records: ['v=DKIM1; p=AAAA'], code: 'error DKIM_KEY_DIFFERS' },
    { name: '_dmarc.example.org', records: ['v=DMARC2; p=none'], code: 'warning DMARC_MISSING' },
  ])('finds $code in $records', async ({ name, records, code }) => {
    const found = told(await examine({ ...good, [name]: records }))
    expect(found.map((text) => text.split(':')[0])).toEqual([code])
  })

  it('finds a key that is not the one in the DNS', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
    const published = other.export({ type: 'spki', format: 'der' }).toString('base64')
    const records = { ...good, 's1._domainkey.example.org': [`v=DKIM1; p=${published}`] }
    expect(told(await examine(records))).toEqual(['error DKIM_KEY_DIFFERS: s1._domainkey.example.org has another key'])
  })

  it('finds a signature that says nothing of the sender', async () => {
    const records = { ...good, 's1._domainkey.example.com': good['s1._domainkey.example.org'] }
    expect(told(await examine(records, { DKIM_DOMAIN: 'example.com' }))).toEqual([
      'warning DKIM_NOT_ALIGNED: example.com signs for news.example.org',
    ])
  })

  it.each([
    { env: { SMTP_URL: 'mailbox:' }, reason: 'no mail server is configured' },
    { env: { EMAIL_FROM: 'a@localhost' }, reason: 'localhost is no domain of the public DNS' },
    { env: { EMAIL_FROM: 'a@fleet.test' }, reason: 'fleet.test is no domain of the public DNS' },
    { env: { EMAIL_FROM: 'a@[192.0.2.1]' }, reason: '[192.0.2.1] is no domain of the public DNS' },
    { env: {}, reason: 'no DNS server answers (ECONNREFUSED)' },
  ])('is not made where $reason', async ({ env, reason }) => {
    expect(await dnsCheck.examine(hostWith({ ...mail, ...env }))).toEqual({ findings: [], skipped: reason })
  })
})
