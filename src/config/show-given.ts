const shownCharacters = 120

/** A given text in quotation marks, cut to a length, its control characters escaped. */
export function quoteGiven(text: string): string {
  const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters - 1)}…` : text
  return JSON.stringify(cut.toWellFormed())
}

/**
 * A given secret as it may be shown: of a URL its scheme and host, of anything else its length. Where an `@` stands outside its
 * proper place, what looks like the host may be a part of the password, so that only the scheme is shown.
 */
export function maskSecret(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0]
  if (scheme === undefined)
    return /^(mailbox|outbox):?$/i.test(text) ? quoteGiven(text) : `a secret of ${text.length} characters`
  const url = URL.parse(text)
  const isAmbiguous = url === null || `${url.host}${url.pathname}${url.search}${url.hash}`.includes('@')
  if (isAmbiguous) return `"${scheme}***"`
  const credentials = url.username === '' && url.password === '' ? '' : '***@'
  const rest = url.pathname.length > 1 || url.search !== '' || url.hash !== '' ? '/***' : ''
  return quoteGiven(`${scheme}${credentials}${url.host}${rest}`)
}
