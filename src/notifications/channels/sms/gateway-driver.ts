import { unescape as decoded } from 'node:querystring'
import { exchangeHttp, type HttpLimits, type HttpRequest } from '../../../runtime/http-exchange.ts'
import type { SmsDriver, SmsMessage, SmsTerms } from './driver.ts'
import { judgeSilence } from './exchange-policy.ts'
import { judgeGateway } from './gateway-policy.ts'
import { replyText } from './reply-text.ts'

export interface GatewaySettings {
  /** With `{to}` and `{text}` where the number and the text go. All of it but the host may be secret. */
  readonly url: string
  readonly method: 'GET' | 'POST'
}

/** A path may hold a key; what is as short as `messages` or `send` is none. */
const shortestPathSecret = 10

/**
 * Any gateway that takes an SMS by one request: GET as the URL says; POST sends the query as a form instead. The number and the text
 * are percent-encoded. User and password in the URL are a basic login.
 */
export function gatewayDriver({ url, method }: GatewaySettings, limits?: HttpLimits): SmsDriver {
  const { host } = new URL(url)
  const secrets = secretsOf(url)
  return {
    destination: host,
    async send(message: SmsMessage, terms: SmsTerms) {
      const exchange = await exchangeHttp(requestFor(fill(url, message), method), { ...terms, limits })
      if (exchange.kind !== 'answered') return { verdict: judgeSilence(exchange, host) }
      const reply = replyText(`${exchange.status} ${exchange.body}`, secrets)
      return { verdict: judgeGateway(exchange, reply, new Date()), code: exchange.status, reply }
    },
  }
}

function fill(template: string, { to, text }: SmsMessage): URL {
  const values = { to, text }
  return new URL(template.replace(/\{(to|text)\}/g, (_, name: keyof typeof values) => encodeURIComponent(values[name])))
}

function requestFor(url: URL, method: GatewaySettings['method']): HttpRequest {
  if (method === 'GET') return { method, url, headers: {}, body: undefined }
  const body = url.search.slice(1)
  url.search = ''
  return { method, url, headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body }
}

/** What a template holds beside its host and its placeholders: login, values of the query, long parts of the path. */
function secretsOf(template: string): string[] {
  const { username, password, pathname, searchParams } = new URL(template)
  const login = [username, password].map(decoded)
  const path = pathname.split('/').filter(({ length }) => length >= shortestPathSecret)
  const basic = Buffer.from(login.join(':')).toString('base64')
  return [...login, basic, ...path.map(decoded), ...searchParams.values()].filter(
    (value) => !/^\{(?:to|text)\}$/.test(value),
  )
}
