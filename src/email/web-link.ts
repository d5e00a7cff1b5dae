/** The http or https address that `value` is, trimmed; undefined for anything else. */
export function readWebLink(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : ''
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? text : undefined
}
