import type { Config } from '../../config/config.ts'
import type { ConfigFault } from '../../config/config-error.ts'
import { type Check, fineUnless, type HostContext } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'
import { readSmtpServer } from './smtp-server.ts'

const kinds = {
  CONFIG_FAULT: {
    severity: 'error',
    what: 'a variable is not what it should be, or one is missing that others need',
    why: 'Workers that read it end with status 78 and are not started again.',
    remedy: 'correct it in the environment or in .env; docs/config.md describes every variable',
  },
  CONFIG_DOUBTFUL: {
    severity: 'warning',
    what: 'others can read `.env`, or a name looks like a misspelt one',
    why: 'Secrets may be known to others; a misspelt variable has no effect.',
    remedy: 'do what it says, in the environment or in .env',
  },
  SMTP_URL_MISSING: {
    severity: 'error',
    what: '`SMTP_URL` is not set, while `DATABASE_URL` is',
    why: "Workers that send mail do not start here: customers' mail is never marked as sent into a folder unasked.",
    remedy: 'set SMTP_URL in .env to smtp://user:password@host:port, or to mailbox: for the local mailbox',
  },
  SMTP_TLS_OPTIONAL: {
    severity: 'warning',
    what: 'mail goes to another host, and `SMTP_URL` does not demand encryption, or trusts any certificate',
    why: 'Somebody on the way can keep the connection plain, and read the mail and the password.',
    remedy: 'give SMTP_URL ?requireTLS=true, or smtps:// and port 465, with a certificate that can be verified',
  },
  EMAIL_FROM_LOCALHOST: {
    severity: 'error',
    what: 'mail goes to a real server, and `EMAIL_FROM` is an address at localhost',
    why: 'Receivers refuse such a sender, and nobody can answer.',
    remedy: "set EMAIL_FROM in .env: EMAIL_FROM='Vertex AR <no-reply@your-domain>'",
  },
  ALERTS_TO_NOBODY: {
    severity: 'warning',
    what: 'neither `ADMIN_EMAIL` nor `ADMIN_TELEGRAM_CHAT_ID` is set',
    why: 'Nobody is told when mail is not going out.',
    remedy: 'set ADMIN_EMAIL, and better ADMIN_TELEGRAM_CHAT_ID, too, in .env',
  },
} as const

const found = findingsOf(kinds)

/** Whether the configuration is valid, and whether what it says can be meant. */
export const configurationCheck: Check<HostContext> = {
  name: 'configuration',
  kinds,
  async examine({ config, faults }) {
    const findings = [
      ...faults.map(faultFinding),
      ...config.warnings.map((warning) => found('CONFIG_DOUBTFUL', { what: warning })),
      ...doubtsAboutMail(config, faults),
      ...doubtsAboutAlerts(config),
    ]
    return fineUnless(findings, 'every variable is valid')
  },
}

function faultFinding({ variable, given, source, expected, reason }: ConfigFault): Finding {
  const where = source === undefined ? '' : ` (in ${source})`
  const why = reason === undefined ? '' : `, which ${reason}`
  return found('CONFIG_FAULT', { what: `${variable}: given ${given}${where}${why}; expected ${expected}` })
}

function doubtsAboutMail({ database, email }: Config, faults: readonly ConfigFault[]): Finding[] {
  const { smtpUrl, from } = email
  if (smtpUrl === undefined) {
    const isMissing = database.url !== undefined && !faults.some(({ variable }) => variable.startsWith('SMTP_URL'))
    return isMissing ? [found('SMTP_URL_MISSING', { what: 'SMTP_URL is not set' })] : []
  }
  const server = readSmtpServer(smtpUrl)
  if (server === undefined || server.isLocal) return []
  const { destination, tls } = server
  const findings: Finding[] = []
  if (tls !== 'verified') findings.push(found('SMTP_TLS_OPTIONAL', { what: `${destination}: ${tlsWords[tls]}` }))
  if (/@localhost(\.localdomain)?$/.test(from.address)) {
    findings.push(
      found('EMAIL_FROM_LOCALHOST', { what: `EMAIL_FROM is ${from.address}, and mail goes to ${destination}` }),
    )
  }
  return findings
}

const tlsWords = {
  off: 'encryption is switched off',
  optional: 'encrypted only where the server offers it',
  unverified: 'encrypted, but for any certificate',
} as const

/** The embedded database is a demonstration, which alerts nobody. */
function doubtsAboutAlerts({ database, admin }: Config): Finding[] {
  const isTold = admin.email !== undefined || admin.telegramChatId !== undefined
  return isTold || database.url === undefined
    ? []
    : [found('ALERTS_TO_NOBODY', { what: kinds.ALERTS_TO_NOBODY.what.replaceAll('`', '') })]
}
