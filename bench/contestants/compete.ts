import { once } from 'node:events'
import process from 'node:process'
import { createTransport, type Transporter } from 'nodemailer'

export interface PeerTask {
  readonly databaseUrl: string
  readonly smtpUrl: string
  readonly connections: number
  readonly mails: number
}

export interface PeerReport {
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

export interface Prepared extends PeerReport {
  start(): Promise<unknown>
}

/** The life of a peer's process: prepare, say so, start when told to, end when the parent lets go. */
export async function compete(prepare: (task: PeerTask) => Promise<Prepared>): Promise<void> {
  process.once('disconnect', () => process.exit(0))
  const { settings, start } = await prepare(JSON.parse(process.argv[2] ?? '{}'))
  process.send?.({ settings })
  await once(process, 'message')
  await start()
}

/** nodemailer's own pool, which is what all peers send over. */
export function pooledTransport({ smtpUrl, connections }: PeerTask): Transporter {
  const { hostname, port } = new URL(smtpUrl)
  return createTransport({
    pool: true,
    host: hostname,
    port: Number(port),
    maxConnections: connections,
    maxMessages: Number.POSITIVE_INFINITY,
    allowInternalNetworkInterfaces: true,
  })
}
