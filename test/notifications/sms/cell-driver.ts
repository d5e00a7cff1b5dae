import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SmsDriver } from '../../../src/notifications/channels/sms/driver.ts'
import { gatewayDriver } from '../../../src/notifications/channels/sms/gateway-driver.ts'
import { twilioDriver } from '../../../src/notifications/channels/sms/twilio-driver.ts'
import type { HttpLimits } from '../../../src/runtime/http-exchange.ts'
import type { SmsCell } from './matrix.ts'
import type { ScriptedServer } from './scripted-server.ts'

const accountSid = `AC${'0'.repeat(32)}`

/** The provider's driver that a cell is about. */
export function driverFor({ channel, server: reaction }: SmsCell, root: string): SmsDriver {
  // Whoever is to wait in vain does not wait long; all others have time.
  const limits: HttpLimits = { connectMs: 20_000, answerMs: reaction === 'silence' ? 100 : 20_000 }
  return channel === 'SMS (gateway)'
    ? gatewayDriver({ url: `${root}/send?key=k-secret&to={to}&text={text}`, method: 'GET' }, limits)
    : twilioDriver({ accountSid, authToken: 't-secret', from: '+15005550006', apiRoot: root }, limits)
}

/** Where the cell's provider is, who then does what the cell says. */
export async function rootFor({ server: reaction }: SmsCell, server: ScriptedServer): Promise<string> {
  if (reaction === 'unknown') return 'http://sms.invalid'
  if (reaction === 'refuse') return `http://127.0.0.1:${await freePort()}`
  if (reaction !== 'unasked') server.react = reaction
  return server.root
}

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  taken.close()
  await once(taken, 'close')
  return port
}
