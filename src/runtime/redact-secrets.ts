import { serializeError } from './serialize-error.ts'

/**
 * Fields that are never logged, whatever they hold: secrets, the content of mails, and what templates are filled with. Case, `_` and `-`
 * do not matter: `SMTP_URL` is `smtpUrl`.
 */
export const secretFields: readonly string[] = [
  ...['password', 'pass', 'passwd', 'pwd', 'secret', 'token', 'botToken', 'accessToken', 'apiKey', 'privateKey'],
  ...['authorization', 'proxyAuthorization', 'auth', 'cookie', 'setCookie'],
  ...['smtpUrl', 'databaseUrl', 'databaseDirectUrl', 'directUrl', 'connectionString'],
  ...['body', 'html', 'text', 'variables'],
]

/** What stands in the place of a secret. */
export const redactedText = '[redacted]'

const deepest = 6
const anyCase = secretFields.map((name) => name.replace(/(?=[A-Z])/g, '[_-]?')).join('|')
const secretField = new RegExp(`^(?:${anyCase})$`, 'i')

/** Secrets within a text: the credentials of a URL, the token in the path of a Telegram request, a private key. */
const secretTexts: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/:\/\/[^\s"/]*@/g, '://***@'],
  [/\/bot\d+:[\w-]+/g, '/bot***'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*/g, redactedText],
]

/**
 * The fields of a log entry without secrets, at any depth; errors become plain objects. The given object is left as it is. Walks the
 * objects itself, because pino's `redact` with wildcards three levels deep cost 40 µs an entry or more, and this costs 5.
 */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, deepest)
}

/** A line of the log without the secrets that are inside texts: messages, stacks, URLs. */
export function redactLine(line: string): string {
  return secretTexts.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)
}

function redactObject(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const [key, value] of Object.entries(fields)) {
    const shown = value !== undefined && secretField.test(key) ? redactedText : redactValue(value, depth)
    if (shown === value) continue
    copy ??= { ...fields }
    copy[key] = shown
  }
  return copy ?? fields
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  if (value instanceof Error) return serializeError(value)
  if (depth === 0) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth - 1))
  return isRecord(value) ? redactObject(value, depth - 1) : value
}

function isRecord(value: object): value is Record<string, unknown> {
  return !Array.isArray(value)
}
