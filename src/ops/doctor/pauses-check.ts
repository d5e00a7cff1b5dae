import { listPauses } from '../pauses.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf, formatMoment } from './finding.ts'

const forgottenMs = 86_400_000

const kinds = {
  PAUSE_OLD: {
    severity: 'warning',
    what: 'a queue has been paused for more than a day',
    why: 'Nothing of it goes out, and whoever paused it may have forgotten.',
    remedy: 'fleet queue resume NAME',
  },
} as const

const found = findingsOf(kinds)

/** Whether somebody still remembers why a queue stands still. */
export const pausesCheck: Check<DatabaseContext> = {
  name: 'pauses',
  kinds,
  async examine({ db }) {
    const pauses = await listPauses(db)
    const findings = pauses
      .filter(({ since }) => Date.now() - since.getTime() > forgottenMs)
      .map(({ queue, since, reason, pausedBy }) =>
        found('PAUSE_OLD', {
          what: `${queue}, since ${formatMoment(since)}, by ${pausedBy}: ${reason}`,
          remedy: `fleet queue resume ${queue}`,
        }),
      )
    const queues = pauses.map(({ queue }) => queue).join(', ')
    return fineUnless(findings, pauses.length === 0 ? 'no queue is paused' : `paused for less than a day: ${queues}`)
  },
}
