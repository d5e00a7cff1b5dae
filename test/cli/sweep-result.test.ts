import { describe, expect, it } from 'vitest'
import { screenOf } from '../../src/cli/screen.ts'
import { renderSweeps } from '../../src/cli/status/sweeps.ts'
import { answerResult } from '../../src/cli/sweep/result.ts'
import type { LastSweep } from '../../src/ops/sweep-status.ts'
import type { SweepCounts, SweepResult } from '../../src/subscriptions/sweep-result.ts'

const pipe = screenOf({}, {})
const none: SweepCounts = { notices: 0, superseded: 0, skipped: 0, states: 0, recorded: 0 }
const some: SweepCounts = { notices: 1024, superseded: 1, skipped: 2, states: 1, recorded: 1 }
const told = { baseline: false, interrupted: 143 }

const done = (counts: SweepCounts, left = 0, failed = 0): SweepResult => ({
  kind: 'done',
  sweepId: '7',
  counts,
  left,
  failed,
})

describe('what came of a sweep', () => {
  it.each([
    [done(none), 'Nothing was due.'],
    [done(some), 'Swept: 1,024 notices, 1 superseded, 2 with nobody to tell, 1 change of state, 1 order recorded.'],
    [
      done({ ...none, notices: 1 }, 1),
      'Swept: 1 notice.\n1 subscription was locked by others; the next sweep looks at it again.',
    ],
    [done(none, 3), 'Nothing was due.\n3 subscriptions were locked by others; the next sweep looks at them again.'],
  ])('is said in a sentence: %j', (result, text) => {
    expect(answerResult(result, told).text(pipe)).toBe(text)
  })

  it('is no success where subscriptions could not be written', () => {
    const answer = answerResult(done({ ...none, notices: 1 }, 0, 2), told)
    expect(answer).toMatchObject({ exitStatus: 1, document: { outcome: 'done', failed: 2 } })
    expect(answer.text(pipe)).toBe(
      'Swept: 1 notice.\n2 subscriptions could not be written: what is on standard error says why.',
    )
  })

  it('of a baseline is that nothing was sent', () => {
    const answer = answerResult(done({ ...none, superseded: 3 }), { ...told, baseline: true })
    expect(answer.text(pipe)).toBe('Marked what is past as known, and sent nothing: 3 superseded.')
    expect(answer.document).toMatchObject({ outcome: 'done', baseline: true, sweepId: '7', left: 0 })
  })

  it('of one that was interrupted has the exit status of the signal', () => {
    const answer = answerResult({ kind: 'interrupted', counts: { ...none, notices: 5 } }, told)
    expect(answer).toMatchObject({ exitStatus: 143, document: { outcome: 'interrupted', counts: { notices: 5 } } })
    expect(answer.text(pipe)).toBe('Interrupted. Swept: 5 notices.\nThe next sweep does the rest.')
  })

  it.each([
    [
      { kind: 'flood', counts: { ...none, notices: 1001 }, changes: 1001, limit: 1000 },
      'the sweep would change 1,001 at once (1,001 notices), and at most 1,000 are allowed; nothing was changed',
      'SWEEP_FLOOD',
      'look first with "fleet sweep --plan", then allow it once with "fleet sweep --max 1001"',
    ],
    [
      { kind: 'clock', differenceMs: -95_000 },
      'the clocks of this host and of the database differ by 95 s; nothing was changed',
      'CLOCKS_DIFFER',
      expect.stringContaining('fleet sweep --plan'),
    ],
  ] satisfies [SweepResult, string, string, string][])(
    'is an error with exit status 3 where it was stopped: %j',
    (result, message, code, hint) => {
      const answer = () => answerResult(result, told)
      expect(answer).toThrow(expect.objectContaining({ message, code, hint, exitStatus: 3 }))
    },
  )
})

describe('the last sweep', () => {
  const now = new Date('2026-12-16T15:00:00Z')
  const last: LastSweep = { startedAt: now, endedAt: now, kind: 'sweep', outcome: 'done', counts: none }

  it.each([
    [null, 'none yet'],
    [last, '2026-12-16T15:00:00.000Z: nothing was due'],
    [{ ...last, counts: some }, expect.stringMatching(/Z: 1,024 notices, 1 superseded, .* 1 order recorded$/)],
    [{ ...last, kind: 'baseline' }, expect.stringMatching(/Z \(baseline\): nothing was due$/)],
    [
      { ...last, outcome: 'blocked', counts: { ...none, notices: 4000 } },
      expect.stringMatching(/Z: stopped before it changed anything \(4,000 notices\); see fleet sweep --plan$/),
    ],
    [{ ...last, outcome: 'blocked' }, expect.stringMatching(/Z: stopped before it changed anything; see/)],
    [{ ...last, outcome: 'interrupted' }, expect.stringMatching(/Z: interrupted after nothing$/)],
    [{ ...last, outcome: null, endedAt: null }, expect.stringMatching(/Z: under way, or killed$/)],
  ] satisfies [LastSweep | null, string][])('is said in a line: %j', (sweep, text) => {
    const [line] = renderSweeps({ lastSweep: sweep, schedule: null }, { now, screen: pipe }).split('\n')
    expect(line?.replace('Last sweep  ', '')).toEqual(text)
  })
})
