import type { SmsDriver } from './driver.ts'
import { type GatewaySettings, gatewayDriver } from './gateway-driver.ts'
import { type TwilioSettings, twilioDriver } from './twilio-driver.ts'

export interface SmsSettings {
  readonly twilio: TwilioSettings | undefined
  readonly gateway: GatewaySettings | undefined
}

/** The provider that is configured, Twilio before a gateway; undefined for none. */
export function configuredDriver({ twilio, gateway }: SmsSettings): SmsDriver | undefined {
  if (twilio) return twilioDriver(twilio)
  return gateway && gatewayDriver(gateway)
}
