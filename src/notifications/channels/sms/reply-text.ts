const mostCharacters = 200
const shortestSecret = 4
const mask = '***'

/** What a server said as one line for the ledger, without the secrets, which it may have repeated as they are or percent-encoded. */
export function replyText(text: string, secrets: readonly string[]): string {
  const shown = variantsOf(secrets).reduce((rest, secret) => rest.replaceAll(secret, mask), text.toWellFormed())
  const line = shown.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  const characters = [...line]
  return characters.length > mostCharacters ? `${characters.slice(0, mostCharacters).join('')}…` : line
}

/** The longest first: one may be part of another. Shorter ones would blot out half of any text. */
function variantsOf(secrets: readonly string[]): string[] {
  const variants = new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))
  return [...variants].filter(({ length }) => length >= shortestSecret).sort((one, other) => other.length - one.length)
}
