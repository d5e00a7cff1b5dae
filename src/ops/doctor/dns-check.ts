import { createPublicKey } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { type Check, type Examination, fineUnless, type HostContext } from './check.ts'
import { isOffline, readTags, txtOf } from './dns-records.ts'
import { type Finding, findingsOf } from './finding.ts'
import { readSmtpServer } from './smtp-server.ts'

const kinds = {
  SPF_MISSING: {
    severity: 'warning',
    what: 'the domain of `EMAIL_FROM` has no SPF record',
    why: 'Receivers cannot tell our mail from forged mail, and many put it among the spam.',
    remedy: 'publish a TXT record for the domain, such as "v=spf1 include:<your mail server\'s> -all" (RFC 7208)',
  },
  SPF_SEVERAL: {
    severity: 'error',
    what: 'the domain has more than one SPF record',
    why: 'Receivers then use none of them, and take that for an error of the sender (RFC 7208, 4.5).',
    remedy: 'join them into one TXT record',
  },
  SPF_OPEN: {
    severity: 'error',
    what: 'the SPF record lets everybody send for the domain',
    why: 'Whoever forges our mail passes for us.',
    remedy: 'end the record in -all or ~all',
  },
  DKIM_RECORD_MISSING: {
    severity: 'error',
    what: 'the key that signs mail has no record in the DNS, or one without a key',
    why: 'No receiver can verify the signature: it counts as broken.',
    remedy: 'publish the record that belongs to DKIM_PRIVATE_KEY',
  },
  DKIM_KEY_DIFFERS: {
    severity: 'error',
    what: 'the key in the DNS is not the public half of `DKIM_PRIVATE_KEY`',
    why: 'Every signature counts as broken, and mail as forged.',
    remedy:
      'publish the record that belongs to DKIM_PRIVATE_KEY, or put DKIM_SELECTOR and the key right, and restart the workers',
  },
  DKIM_NOT_ALIGNED: {
    severity: 'warning',
    what: '`DKIM_DOMAIN` has nothing to do with the domain of `EMAIL_FROM`',
    why: 'The signature says nothing of the sender that people see: DMARC does not count it (RFC 7489, 3.1).',
    remedy: 'set DKIM_DOMAIN to the domain of EMAIL_FROM',
  },
  DMARC_MISSING: {
    severity: 'warning',
    what: 'neither the domain of `EMAIL_FROM` nor one above it has a DMARC record',
    why: 'Large receivers want one of who sends much, and nobody keeps others from forging our mail.',
    remedy: 'publish a TXT record for _dmarc.<domain>, at first "v=DMARC1; p=none; rua=mailto:you@your-domain"',
  },
} as const

const found = findingsOf(kinds)

/** Names that never are in the public DNS (RFC 6761, RFC 2606, RFC 6762). */
const privateName = /(^|\.)(localhost|localdomain|local|test|example|invalid|internal|lan)$/

/** Whether receivers can tell that our mail is ours: SPF, DKIM, DMARC. The server's own address is not known here. */
export const dnsCheck: Check<HostContext> = {
  name: 'dns',
  kinds,
  async examine({ config: { email }, resolveTxt }) {
    if (email.smtpUrl === undefined || readSmtpServer(email.smtpUrl) === undefined) {
      return { findings: [], skipped: 'no mail server is configured' }
    }
    const domain = email.from.address.slice(email.from.address.lastIndexOf('@') + 1)
    if (privateName.test(domain) || !domain.includes('.') || domain.startsWith('[')) {
      return { findings: [], skipped: `${domain} is no domain of the public DNS` }
    }
    try {
      return await examineDomain(domain, email.dkim, resolveTxt)
    } catch (error) {
      if (!isOffline(error)) throw error
      return { findings: [], skipped: `no DNS server answers (${error.code})` }
    }
  },
}

type ResolveTxt = HostContext['resolveTxt']
type Dkim = Config['email']['dkim']

async function examineDomain(domain: string, dkim: Dkim, resolveTxt: ResolveTxt): Promise<Examination> {
  const findings = await Promise.all([
    examineSpf(domain, resolveTxt),
    dkim === undefined ? [] : examineDkim(domain, dkim, resolveTxt),
    examineDmarc(domain, resolveTxt),
  ])
  const signed = dkim === undefined ? 'the fleet does not sign' : `DKIM (${dkim.selector})`
  return fineUnless(findings.flat(), `${domain} has SPF and DMARC; ${signed}`)
}

async function examineSpf(domain: string, resolveTxt: ResolveTxt): Promise<Finding[]> {
  const records = (await txtOf(domain, resolveTxt)).filter((record) => /^v=spf1( |$)/i.test(record))
  const [record] = records
  if (record === undefined) return [found('SPF_MISSING', { what: `${domain} has no SPF record` })]
  if (records.length > 1) return [found('SPF_SEVERAL', { what: `${domain} has ${records.length} SPF records` })]
  return /(^| )\+?all( |$)/i.test(record) ? [found('SPF_OPEN', { what: `${domain}: ${record}` })] : []
}

async function examineDkim(from: string, dkim: NonNullable<Dkim>, resolveTxt: ResolveTxt): Promise<Finding[]> {
  const { domain, selector, privateKey } = dkim
  const name = `${selector}._domainkey.${domain}`
  const wanted = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
  const remedy = `publish the TXT record of ${name}: v=DKIM1; k=rsa; p=${wanted}`
  const findings: Finding[] = []
  const keys = (await txtOf(name, resolveTxt))
    .map((record) => readTags(record).get('p'))
    .filter((key) => key !== undefined)
  if (keys.every((key) => key === ''))
    findings.push(found('DKIM_RECORD_MISSING', { what: `${name} has no key`, remedy }))
  else if (!keys.some((key) => isSameKey(key, privateKey)))
    findings.push(found('DKIM_KEY_DIFFERS', { what: `${name} has another key`, remedy }))
  const isAligned = from === domain || from.endsWith(`.${domain}`) || domain.endsWith(`.${from}`)
  if (!isAligned) findings.push(found('DKIM_NOT_ALIGNED', { what: `${domain} signs for ${from}` }))
  return findings
}

/** Compared as keys: a record may hold PKCS #1 as well as what is usual. */
function isSameKey(base64: string, privateKey: string): boolean {
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type })
      return key.equals(createPublicKey(privateKey))
    } catch {
      // Of the other form, or none at all.
    }
  }
  return false
}

/** A domain without a record of its own has that of the nearest one above it; the last label is a registry's. */
async function examineDmarc(domain: string, resolveTxt: ResolveTxt): Promise<Finding[]> {
  const labels = domain.split('.')
  for (let first = 0; first <= labels.length - 2; first += 1) {
    const records = await txtOf(`_dmarc.${labels.slice(first).join('.')}`, resolveTxt)
    if (records.some((record) => /^v=DMARC1\s*(;|$)/.test(record))) return []
  }
  return [found('DMARC_MISSING', { what: `${domain} has no DMARC record` })]
}
