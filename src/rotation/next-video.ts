import { fault, type RotationFault } from './rotation-fault.ts'

/** Whether a video that a sequence names may play; one that is not there has no state. */
export type VideoState =
  | 'playable'
  /** Its window has not opened yet, or has closed: nothing wrong. */
  | 'outside_window'
  /** `is_active` or `status` says so. */
  | 'inactive'
  /** Of a portrait of another company. */
  | 'foreign'

export interface Turn {
  readonly sequence: readonly (number | null)[]
  readonly currentIndex: number | null
  /** What plays now; null where nothing does. */
  readonly activeVideoId: number | null
  readonly order: 'sequence' | 'random'
  readonly videos: ReadonlyMap<number, VideoState>
  /** From 0 up to, not including, 1. */
  readonly random: number
}

export type NextVideo =
  | {
      readonly kind: 'video'
      readonly index: number
      readonly videoId: number
      /** What had to be passed over or put right. */
      readonly fault: RotationFault | null
    }
  | RotationFault

/**
 * Which video is next. The sequence wraps round, and what may not play is passed over; where only the current one may, it stays. `random`
 * never picks the one that plays now while there is another.
 */
export function nextVideo(turn: Turn): NextVideo {
  const { sequence } = turn
  if (sequence.length === 0) return fault('empty_sequence', 'video_sequence has no videos')
  const places = turnsAfter(turn).filter(({ videoId }) => stateOf(turn, videoId) === 'playable')
  const others = places.filter(({ videoId }) => videoId !== playingNow(turn))
  const [first] = places
  if (first === undefined) return fault('no_video', `no video of the sequence may play${faultsOf(turn)}`)
  const next = turn.order === 'random' ? (others[Math.floor(turn.random * others.length)] ?? first) : first
  return { kind: 'video', ...next, fault: passedOver(turn) }
}

interface Place {
  readonly index: number
  readonly videoId: number
}

/** Every place of the sequence in the order of the turns after the current one, which comes last. */
function turnsAfter(turn: Turn): Place[] {
  const { sequence } = turn
  const current = placeNow(turn)
  return sequence.flatMap((_, n) => {
    const index = (current + 1 + n) % sequence.length
    const videoId = sequence[index] ?? null
    return videoId === null ? [] : [{ index, videoId }]
  })
}

/** Where `current_index` is none, the place of the video that plays; else before the first. */
function placeNow(turn: Turn): number {
  if (hasPlace(turn)) return turn.currentIndex
  return turn.activeVideoId === null ? -1 : turn.sequence.indexOf(turn.activeVideoId)
}

function hasPlace(turn: Turn): turn is Turn & { readonly currentIndex: number } {
  const { currentIndex, sequence } = turn
  return currentIndex !== null && currentIndex >= 0 && currentIndex < sequence.length
}

function playingNow(turn: Turn): number | null {
  return turn.activeVideoId ?? (hasPlace(turn) ? (turn.sequence[turn.currentIndex] ?? null) : null)
}

function stateOf({ videos }: Turn, videoId: number | null): VideoState | 'missing' {
  return (videoId === null ? undefined : videos.get(videoId)) ?? 'missing'
}

function passedOver(turn: Turn): RotationFault | null {
  const bad = faultsOf(turn)
  if (bad !== '') return fault('bad_video', `passed over${bad}`)
  if (hasPlace(turn)) return null
  return fault(
    'bad_index',
    `current_index was ${turn.currentIndex}, and the sequence has ${turn.sequence.length} videos`,
  )
}

const words = { missing: 'is not there', inactive: 'is not active', foreign: 'is of another company' } as const

/** At most ten; the rest would be no different. */
const mostNamed = 10

function faultsOf(turn: Turn): string {
  const faults = [...new Set(turn.sequence)].flatMap((videoId) => {
    const state = stateOf(turn, videoId)
    return state === 'playable' || state === 'outside_window' ? [] : [`${videoId} ${words[state]}`]
  })
  const named = faults.slice(0, mostNamed).join(', ')
  if (faults.length === 0) return ''
  return `: ${named}${faults.length > mostNamed ? `, and ${faults.length - mostNamed} more` : ''}`
}
