/** A button below a message. */
export interface Button {
  readonly text: string
  readonly url: string
}

/** What `event_data` asks for beside the text. */
export interface Extras {
  readonly imageUrl: string | undefined
  readonly buttons: readonly (readonly Button[])[]
  /** What was left out because Telegram would refuse the whole message for it: a sentence each. */
  readonly leftOut: readonly string[]
}

const imageProtocols = ['http:', 'https:']
const buttonProtocols = ['http:', 'https:', 'tg:']

/**
 * Reads `image_url` and `buttons` (`[{text, url}, …]`, one below the other, or rows of such) as any program may have written them. A
 * button without a text shows its address.
 */
export function readExtras(data: Readonly<Record<string, unknown>>): Extras {
  const { image_url: image, buttons: given } = data
  const rows = Array.isArray(given) ? given.map((row: unknown): unknown[] => (Array.isArray(row) ? row : [row])) : []
  const buttons = rows.map((row) => row.flatMap(readButton)).filter((row) => row.length > 0)
  const imageUrl = readUrl(image, imageProtocols)
  const isMissing = (value: unknown): boolean => value === undefined || value === null
  const leftOut = [
    ...(imageUrl !== undefined || isMissing(image) ? [] : ['image_url is no http or https URL']),
    ...(Array.isArray(given) || isMissing(given) ? [] : ['buttons is no list']),
    ...(buttons.flat().length < rows.flat().length ? ['a button needs an http, https or tg URL'] : []),
  ]
  return { imageUrl, buttons, leftOut }
}

function readButton(given: unknown): Button[] {
  if (typeof given !== 'object' || given === null || !('url' in given)) return []
  const url = readUrl(given.url, buttonProtocols)
  if (url === undefined) return []
  const text = 'text' in given && typeof given.text === 'string' ? given.text.trim() : ''
  return [{ text: text || url, url }]
}

function readUrl(given: unknown, protocols: readonly string[]): string | undefined {
  if (typeof given !== 'string') return undefined
  const url = URL.parse(given.trim())
  return url !== null && protocols.includes(url.protocol) ? given.trim() : undefined
}
