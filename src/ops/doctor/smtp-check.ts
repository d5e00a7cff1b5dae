import { formatReply, type SmtpFault } from '../../email/smtp-exchange.ts'
import { createTransport, knock } from '../../email/transport.ts'
import { mailboxFolder } from '../../runtime/folders.ts'
import { type Check, type Examination, fineUnless, type HostContext } from './check.ts'
import { type Finding, findingsOf } from './finding.ts'
import { readSmtpServer, type SmtpServer } from './smtp-server.ts'

/** For each step. A server may keep a stranger waiting for some seconds. */
const timeoutMs = 8_000

const kinds = {
  SMTP_UNREACHABLE: {
    severity: 'error',
    what: 'no connection to the mail server, or it turns us away',
    why: 'Mail waits until it answers.',
    remedy: 'see that the server runs, that SMTP_URL names it and its port, and that no firewall is in between',
  },
  SMTP_TLS_FAILED: {
    severity: 'error',
    what: 'the connection to the mail server cannot be encrypted as `SMTP_URL` demands',
    why: 'Mail waits, since it is not sent over a connection that cannot be trusted.',
    remedy:
      'give the server a certificate for the name in SMTP_URL, or correct that name; smtps:// is for port 465, smtp:// for others',
  },
  SMTP_LOGIN_REFUSED: {
    severity: 'error',
    what: 'the mail server refuses the user or the password in `SMTP_URL`',
    why: 'Mail waits until it lets us in.',
    remedy: 'correct user and password in SMTP_URL (percent-encoded), then restart the workers',
  },
  SMTP_LOGIN_NOT_OFFERED: {
    severity: 'warning',
    what: '`SMTP_URL` has a user and a password, and the mail server offers no login',
    why: "What we send is a stranger's mail to it, which it may refuse or mark.",
    remedy: 'use the port for submission, 465 with smtps:// or 587, or leave out user and password',
  },
  SMTP_UNENCRYPTED: {
    severity: 'warning',
    what: 'the mail server is on another host and offers no encryption',
    why: 'Mail and password can be read on the way.',
    remedy: 'switch TLS on at the server, or use its port 465 with smtps://',
  },
  MAILBOX_UNWRITABLE: {
    severity: 'error',
    what: 'the folder of the local mailbox cannot be written to',
    why: 'Mail waits until it can.',
    remedy: 'give the user of the workers the right to write to .fleet/mailbox',
  },
} as const

const found = findingsOf(kinds)

/** Whether the mail server lets us in. Nothing is sent. */
export const smtpCheck: Check<HostContext> = {
  name: 'smtp',
  kinds,
  async examine({ config: { email, database } }) {
    const { smtpUrl } = email
    if (smtpUrl === undefined && database.url !== undefined)
      return { findings: [], skipped: 'no mail server is configured' }
    const server = readSmtpServer(smtpUrl ?? 'mailbox:')
    return smtpUrl === undefined || server === undefined ? examineMailbox() : examineServer(smtpUrl, server)
  },
}

async function examineMailbox(): Promise<Examination> {
  const transport = createTransport('mailbox:', { lanes: 1, mailbox: mailboxFolder })
  const isWritable = await transport.probe()
  const what = `${mailboxFolder} cannot be written to`
  return fineUnless(isWritable ? [] : [found('MAILBOX_UNWRITABLE', { what })], `mail goes into ${mailboxFolder}`)
}

async function examineServer(url: string, server: SmtpServer): Promise<Examination> {
  const { obstacle, encrypted, loggedIn } = await knock(url, { timeoutMs })
  if (obstacle) return { findings: [obstacleFinding(obstacle, server)] }
  const { destination, isLocal } = server
  const wantsLogin = new URL(url).username !== ''
  const findings = [
    ...(wantsLogin && !loggedIn ? [found('SMTP_LOGIN_NOT_OFFERED', { what: `${destination} offers no login` })] : []),
    ...(encrypted || isLocal ? [] : [found('SMTP_UNENCRYPTED', { what: `${destination} offers no encryption` })]),
  ]
  const words = [loggedIn ? 'lets us in' : 'answers', encrypted ? 'over TLS' : 'unencrypted, on this host']
  return fineUnless(findings, `${destination} ${words.join(' ')}`)
}

function obstacleFinding(
  { stage, fault }: { stage: 'connect' | 'login'; fault: SmtpFault },
  { destination }: SmtpServer,
): Finding {
  const what = `${destination}: ${fault.reply ? formatReply(fault.reply) : fault.message}`
  if (stage === 'login') return found('SMTP_LOGIN_REFUSED', { what })
  return found(isAboutTls(fault) ? 'SMTP_TLS_FAILED' : 'SMTP_UNREACHABLE', { what })
}

/** What fails while a connection is being encrypted has many codes, of nodemailer, Node.js and OpenSSL. */
function isAboutTls({ code, message }: SmtpFault): boolean {
  return code === 'ETLS' || /\b(certificate|SSL|TLS|STARTTLS)\b/i.test(message)
}
