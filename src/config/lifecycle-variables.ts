import { readOpeningHours } from './opening-hours.ts'
import { readBy, wholeNumber } from './schemas.ts'
import type { Variable } from './variables.ts'

/** The variables of the sweep of subscriptions. */
export const lifecycleVariables = {
  NOTICE_HOURS: {
    group: 'Subscriptions',
    description:
      'When notices about the end of a subscription go out, by the clock where the company is. [subscriptions.md](subscriptions.md#when-a-notice-leaves) says more.',
    schema: readBy('two times of day such as `09:00-20:00`, the first before the second', readOpeningHours),
    default: '09:00-20:00',
  },
  NOTICE_LONG_PAST_DAYS: {
    group: 'Subscriptions',
    description: 'After so many days nobody is told any more that a subscription has ended: that is recorded only.',
    schema: wholeNumber(1, 3_650),
    default: '30',
  },
  SWEEP_MAX_CHANGES: {
    group: 'Subscriptions',
    description:
      'A sweep that would change more than this, and more than `SWEEP_MAX_PERCENT`, changes nothing and tells the administrator. [subscriptions.md](subscriptions.md#the-flood-guard) says more.',
    schema: wholeNumber(1, 100_000_000),
    default: '1000',
  },
  SWEEP_MAX_PERCENT: {
    group: 'Subscriptions',
    description: 'The same as a share of all active subscriptions, in percent: the larger of the two counts.',
    schema: wholeNumber(0, 100),
    default: '5',
  },
} as const satisfies Record<string, Variable>
