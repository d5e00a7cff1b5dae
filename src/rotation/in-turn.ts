import type { Place } from './rotation-store.ts'

const listedAtOnce = 1_000

/**
 * Does each row of a list once, in its order; what is left of it is for the next pass. Ends with the list, or throws, between two rows,
 * when `signal` aborts.
 */
export async function inTurn(
  signal: AbortSignal,
  list: (after: Place, limit: number) => Promise<Place[]>,
  act: (id: number) => Promise<void>,
): Promise<void> {
  let after: Place = { at: '-infinity', id: 0 }
  for (;;) {
    const places = await list(after, listedAtOnce)
    for (const place of places) {
      signal.throwIfAborted()
      await act(place.id)
      after = place
    }
    if (places.length < listedAtOnce) return
  }
}
