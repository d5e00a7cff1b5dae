import { clockDifferenceMs } from '../../subscriptions/sweep-store.ts'
import { type Check, type DatabaseContext, type Examination, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const skewedMs = 2_000
const farOffMs = 60_000

const kinds = {
  CLOCK_SKEWED: {
    severity: 'warning',
    what: "this host's clock and the database's are more than 2 s apart",
    why: 'The database decides what is due, so nothing is lost; times in logs and in mails are off by that much.',
    remedy: 'let both hosts keep time by NTP: timedatectl set-ntp true',
  },
  CLOCK_FAR_OFF: {
    severity: 'error',
    what: "this host's clock and the database's are more than 60 s apart",
    why: 'If it is the database that is wrong, notices go out at the wrong time; if it is this host, signatures and certificates may not hold.',
    remedy: 'let both hosts keep time by NTP: timedatectl set-ntp true',
  },
} as const

const found = findingsOf(kinds)

/** Whether this host and the database agree on what time it is. */
export const clockCheck: Check<DatabaseContext> = {
  name: 'clock',
  kinds,
  examine: async ({ db }) => judgeClock(await clockDifferenceMs(db)),
}

/** `aheadMs` is how far the database's clock is ahead of this host's. */
export function judgeClock(aheadMs: number): Examination {
  const apartMs = Math.abs(aheadMs)
  const what = `the database's clock is ${(apartMs / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host's`
  if (apartMs > farOffMs) return { findings: [found('CLOCK_FAR_OFF', { what })] }
  if (apartMs > skewedMs) return { findings: [found('CLOCK_SKEWED', { what })] }
  return fineUnless([], `the database's and this host's agree to ${Math.max(1, Math.ceil(apartMs))} ms`)
}
