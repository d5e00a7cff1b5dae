import type { Notice, Told } from '../../notice.ts'
import { plainText } from './plain-text.ts'
import { fitSms, measureSms, mostCharacters, mostSegments } from './segments.ts'

/**
 * What an SMS says: subject and message, each in a line of its own; of a digest each notice in a line, by its subject alone where the
 * messages would not all fit. At most three segments. Empty where there is nothing to say.
 */
export function smsText({ subject, message, digest }: Pick<Notice, 'subject' | 'message' | 'digest'>): string {
  if (digest.length === 0) return fitSms(partsOf({ subject, message }).join('\n'))
  const whole = lines(digest, (told) => partsOf(told).join(': '))
  if (measureSms(whole).segments <= mostSegments) return whole
  return fitSms(lines(digest, (told) => plainText(told.subject ?? '') || plainText(told.message ?? '')))
}

/** A message that begins with its subject needs no subject before it. */
function partsOf({ subject, message }: Pick<Told, 'subject' | 'message'>): string[] {
  const [head, body] = [plainText(subject ?? ''), plainText(message ?? '')]
  return (body.startsWith(head) ? [body] : [head, body]).filter((part) => part !== '')
}

/** A line for each, until there is more than fits. */
function lines(digest: readonly Told[], write: (told: Told) => string): string {
  let all = ''
  for (const told of digest) {
    if (all.length > mostCharacters) break
    const line = write(told).replaceAll('\n', ' ')
    all = [all, line].filter((part) => part !== '').join('\n')
  }
  return all
}
