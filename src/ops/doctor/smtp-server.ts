import { isIP } from 'node:net'
import { parseConnectionUrl } from 'nodemailer/lib/shared'

export interface SmtpServer {
  /** Without credentials: `mail.example.org:587`. */
  readonly destination: string
  readonly host: string
  /** On this host: nobody is on the way. */
  readonly isLocal: boolean
  /** What the configuration demands of the connection. */
  readonly tls: 'verified' | 'unverified' | 'optional' | 'off'
}

/** The mail server that a valid `SMTP_URL` names; undefined for the local mailbox. */
export function readSmtpServer(url: string): SmtpServer | undefined {
  if (url.startsWith('mailbox:')) return undefined
  const options = parseConnectionUrl(url)
  const { host = 'localhost', port, secure } = options
  return {
    destination: `${host}:${port ?? (secure ? 465 : 587)}`,
    host,
    isLocal: isLoopback(host),
    tls: demandOf(options),
  }
}

function demandOf({ secure, ignoreTLS, requireTLS, tls }: ReturnType<typeof parseConnectionUrl>): SmtpServer['tls'] {
  if (!secure && ignoreTLS) return 'off'
  if (!secure && !requireTLS) return 'optional'
  return tls?.rejectUnauthorized === false ? 'unverified' : 'verified'
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}
