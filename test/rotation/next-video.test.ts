import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextVideo, type Turn, type VideoState } from '../../src/rotation/next-video.ts'

const playable = (...ids: number[]) => new Map<number, VideoState>(ids.map((id) => [id, 'playable']))

function turn(given: Partial<Turn>): Turn {
  return {
    sequence: [10, 20, 30],
    currentIndex: 0,
    activeVideoId: null,
    order: 'sequence',
    videos: playable(10, 20, 30),
    random: 0,
    ...given,
  }
}

/** `index:video`, with the reason of a fault. */
function next(given: Partial<Turn>): string {
  const result = nextVideo(turn(given))
  if (result.kind === 'fault') return result.reason
  return `${result.index}:${result.videoId}${result.fault ? ` ${result.fault.reason}` : ''}`
}

describe('in the order of the sequence', () => {
  test.each<[string, Partial<Turn>, string]>([
    ['the one after the current', {}, '1:20'],
    ['the first after the last', { currentIndex: 2 }, '0:10'],
    ['by the index, whatever somebody made play meanwhile', { currentIndex: 1, activeVideoId: 10 }, '2:30'],
    ['itself, where it is alone', { sequence: [10] }, '0:10'],
    ['after a missing one', { videos: playable(10, 30) }, '2:30 bad_video'],
    ['after an inactive one', { videos: new Map([...playable(10, 30), [20, 'inactive']]) }, '2:30 bad_video'],
    ['after one of another company', { videos: new Map([...playable(10, 30), [20, 'foreign']]) }, '2:30 bad_video'],
    ['after one whose window is not open', { videos: new Map([...playable(10, 30), [20, 'outside_window']]) }, '2:30'],
    ['after NULL', { sequence: [10, null, 30] }, '2:30 bad_video'],
    ['the current one, where no other may play', { videos: playable(10) }, '0:10 bad_video'],
    ['none, where none may play', { videos: playable() }, 'no_video'],
    ['none of an empty sequence', { sequence: [] }, 'empty_sequence'],
    ['the first, where the index is NULL and nothing plays', { currentIndex: null }, '0:10 bad_index'],
    ['after what plays, where the index is too high', { currentIndex: 3, activeVideoId: 20 }, '2:30 bad_index'],
    ['after what plays, where the index is below 0', { currentIndex: -1, activeVideoId: 10 }, '1:20 bad_index'],
    ['the first, where what plays is not in the sequence', { currentIndex: 9, activeVideoId: 99 }, '0:10 bad_index'],
  ])('%s', (_, given, expected) => {
    expect(next(given)).toBe(expected)
  })

  test('says which videos were passed over, and why', () => {
    const videos = new Map<number, VideoState>([...playable(10), [20, 'inactive']])
    expect(nextVideo(turn({ videos }))).toMatchObject({
      fault: { reason: 'bad_video', detail: 'passed over: 20 is not active, 30 is not there' },
    })
  })

  test('names ten of many', () => {
    const sequence = Array.from({ length: 500 }, (_, n) => n + 1)
    const result = nextVideo(turn({ sequence, videos: playable() }))
    expect(result).toMatchObject({ detail: expect.stringMatching(/10 is not there, and 490 more$/) })
  })

  test('plays each in its turn, and then the first again', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1 }), { minLength: 1, maxLength: 20 }), (sequence) => {
        let currentIndex = 0
        const played = sequence.map(() => {
          const result = nextVideo(turn({ sequence, currentIndex, videos: playable(...sequence) }))
          if (result.kind === 'fault') throw new Error(result.detail)
          currentIndex = result.index
          return result.videoId
        })
        expect(played).toEqual([...sequence.slice(1), sequence[0]])
      }),
    )
  })
})

describe('at random', () => {
  test.each<[Partial<Turn>, string]>([
    [{ random: 0 }, '1:20'],
    [{ random: 0.49 }, '1:20'],
    [{ random: 0.5 }, '2:30'],
    [{ random: 0.999999 }, '2:30'],
    [{ activeVideoId: 30, random: 0.999999 }, '0:10'],
    [{ sequence: [10], random: 0.5 }, '0:10'],
    [{ sequence: [10, 10, 10], random: 0.5 }, '1:10'],
  ])('%j is %s', (given, expected) => {
    expect(next({ order: 'random', ...given })).toBe(expected)
  })

  test('is never the current one while there is another', () => {
    const ids = fc.integer({ min: 1, max: 6 })
    fc.assert(
      fc.property(
        fc.array(ids, { minLength: 1, maxLength: 8 }),
        fc.option(ids),
        fc.uniqueArray(ids),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (sequence, activeVideoId, good, random) => {
          const result = nextVideo(
            turn({ sequence, activeVideoId, videos: playable(...good), order: 'random', random }),
          )
          const current = activeVideoId ?? sequence[0]
          const others = sequence.filter((id) => good.includes(id) && id !== current)
          if (result.kind === 'fault') expect(sequence.some((id) => good.includes(id))).toBe(false)
          else if (others.length > 0) expect(others).toContain(result.videoId)
          else expect(result.videoId).toBe(current)
          if (result.kind === 'video') expect(sequence[result.index]).toBe(result.videoId)
        },
      ),
    )
  })
})
