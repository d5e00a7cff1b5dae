import { type ChannelName, channelNames } from './notice.ts'

export interface Ended {
  /** `notifications.type`: usually a channel, but a program may have written any word. */
  readonly type: string
  /** `notifications.event_data`: any JSON value. */
  readonly eventData: unknown
}

/** Which channel is to be tried for each that did not get through, where `event_data` does not say. */
export type FallbackDefaults = Readonly<Partial<Record<ChannelName, ChannelName>>>

export interface Fallback {
  /** Undefined where none is to be tried. */
  readonly channel: ChannelName | undefined
  /** What comes after it. */
  readonly rest: readonly ChannelName[]
  /** What `event_data.fallback` says besides, printable: no channel has that name. */
  readonly unknown: readonly string[]
}

/**
 * The channel to be tried next: the first of `event_data.fallback`, an array of channels or one; without that, the default. An empty array
 * says that there is none. The channel that the row itself is of does not count, wherever it stands: it has just been tried.
 */
export function nextChannel({ type, eventData }: Ended, defaults: FallbackDefaults): Fallback {
  const given =
    typeof eventData === 'object' && eventData !== null && 'fallback' in eventData ? eventData.fallback : null
  const isUsable = typeof given === 'string' || Array.isArray(given)
  const words: readonly unknown[] = isUsable
    ? [given].flat()
    : isChannel(type) && defaults[type]
      ? [defaults[type]]
      : []
  const [channel, ...rest] = words.filter(isChannel).filter((name) => name !== type)
  const unknown = [...words.filter((word) => !isChannel(word)), ...(isUsable || given === null ? [] : [given])]
  return { channel, rest, unknown: unknown.map((word) => JSON.stringify(word).slice(0, 100)) }
}

function isChannel(word: unknown): word is ChannelName {
  return channelNames.some((name) => name === word)
}
