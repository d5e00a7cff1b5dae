import { createRequire } from 'node:module'
import type TwilioPackage from 'twilio'
import {
  exchangeHttp,
  type HttpAnswer,
  type HttpExchange,
  type HttpLimits,
  type HttpRequest,
  type HttpTerms,
} from '../../../runtime/http-exchange.ts'
import type { SmsAnswer, SmsDriver, SmsMessage, SmsTerms } from './driver.ts'
import { judgeSilence } from './exchange-policy.ts'
import { replyText } from './reply-text.ts'
import { judgeTwilio, type TwilioTold } from './twilio-policy.ts'

export interface TwilioSettings {
  readonly accountSid: string
  readonly authToken: string
  /** A number, an alphanumeric sender, or the SID of a Messaging Service (`MG…`). */
  readonly from: string
  /** Where the API is, such as `https://api.twilio.com`. */
  readonly apiRoot: string
}

type TwilioRequest = Parameters<TwilioPackage.RequestClient['request']>[0]

/** What the package made of an answer. */
type Read = Pick<TwilioTold, 'sid' | 'code'> & { readonly message?: unknown }

const load = createRequire(import.meta.url)

/**
 * Twilio's REST API. The package makes the request and reads the answer; in between goes an HTTP client of ours, because its own can
 * neither ask before the first byte nor tell a request that was never written from one whose answer was lost.
 */
export function twilioDriver(settings: TwilioSettings, limits?: HttpLimits): SmsDriver {
  const { host } = new URL(settings.apiRoot)
  const secrets = secretsOf(settings)
  return {
    destination: host,
    async send(message: SmsMessage, terms: SmsTerms) {
      const { exchange, read } = await createMessage(settings, message, { ...terms, limits })
      if (exchange.kind !== 'answered') return { verdict: judgeSilence(exchange, host) }
      return answerOf(exchange, read, secrets)
    },
  }
}

/** The package is large (0.5 s to load): it is loaded with the first SMS, not at the start of the process. */
function twilio(): typeof TwilioPackage {
  return load('twilio')
}

async function createMessage(
  settings: TwilioSettings,
  { to, text }: SmsMessage,
  terms: HttpTerms,
): Promise<{ exchange: HttpExchange; read: Read }> {
  const { Twilio, RequestClient } = twilio()
  class OwnRequestClient extends RequestClient {
    exchange: HttpExchange = { kind: 'untouched' }

    override async request<Data>(options: TwilioRequest) {
      this.exchange = await exchangeHttp(requestFor(options, settings.apiRoot), terms)
      if (this.exchange.kind !== 'answered') throw new Error('No answer')
      const { status, headers, body } = this.exchange
      return { statusCode: status, headers, body: body as Data }
    }
  }
  const httpClient = new OwnRequestClient()
  const client = new Twilio(settings.accountSid, settings.authToken, { httpClient })
  const { from } = settings
  const sender = /^MG[\da-f]{32}$/i.test(from) ? { messagingServiceSid: from } : { from }
  const read = await client.messages.create({ to, body: text, ...sender }).then(readMessage, readError)
  return { exchange: httpClient.exchange, read }
}

/** The package speaks to api.twilio.com only, and may change the host by the environment: the path is what is taken of its URL. */
function requestFor({ uri, data, headers, username, password }: TwilioRequest, apiRoot: string): HttpRequest {
  const { pathname } = new URL(uri)
  const url = new URL(apiRoot.replace(/\/+$/, '') + pathname)
  url.username = encodeURIComponent(username ?? '')
  url.password = encodeURIComponent(password ?? '')
  return {
    method: 'POST',
    url,
    headers: headers ?? {},
    body: new URLSearchParams(data as Record<string, string>).toString(),
  }
}

function readMessage({ sid }: { readonly sid: unknown }): Read {
  return { sid: typeof sid === 'string' && sid !== '' ? sid : undefined }
}

/** Its exceptions for refusals have a number as their code; any other means that the answer could not be read. */
function readError(error: unknown): Read {
  if (!(error instanceof Error) || !('code' in error) || !Number.isSafeInteger(error.code)) return {}
  return { code: Number(error.code), message: error.message ?? '' }
}

function answerOf(exchange: HttpAnswer, read: Read, secrets: readonly string[]): SmsAnswer {
  const { status, body } = exchange
  const { sid, code, message } = read
  const said = code === undefined ? (sid ?? body) : `(${code}) ${message}`
  const reply = replyText(`${status} ${said}`, secrets)
  const verdict = judgeTwilio(exchange, { ...read, said: reply }, new Date())
  return { verdict, code: status, reply, ...(code !== undefined && { providerCode: String(code) }) }
}

function secretsOf({ accountSid, authToken }: TwilioSettings): string[] {
  return [authToken, Buffer.from(`${accountSid}:${authToken}`).toString('base64')]
}
