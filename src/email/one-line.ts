/**
 * The text on one line: every run of control characters and line separators becomes one space, and the ends are
 * trimmed. A header field made of the result cannot start another field.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}
