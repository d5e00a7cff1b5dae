import { wholeNumber } from './schemas.ts'
import type { Variable } from './variables.ts'

/** When the administrator is alerted. */
export const alertVariables = {
  ALERT_BACKLOG_MINUTES: {
    group: 'Administrator',
    description:
      'Alert when the oldest message that is due has waited so long, in minutes. [runbooks](runbooks/README.md) say more of all alerts.',
    schema: wholeNumber(1, 10_080),
    default: '15',
  },
  ALERT_BACKLOG_COUNT: {
    group: 'Administrator',
    description:
      'Alert when more messages than this have been due for five minutes, or when so many are due and have grown in number for half an hour.',
    schema: wholeNumber(1, 100_000_000),
    default: '100',
  },
  ALERT_FAILURE_PERCENT: {
    group: 'Administrator',
    description: 'Alert when so many of the attempts of the last 15 minutes have failed, in percent, of 20 or more.',
    schema: wholeNumber(1, 100),
    default: '30',
  },
  ALERT_SWEEP_MINUTES: {
    group: 'Administrator',
    description: 'Alert when no sweep over subscriptions was done for so long, in minutes.',
    schema: wholeNumber(15, 10_080),
    default: '40',
  },
  ALERT_HOST_PERCENT: {
    group: 'Administrator',
    description: 'Alert when a disk, the memory or the processors of a host with a worker are used so far, in percent.',
    schema: wholeNumber(1, 100),
    default: '90',
  },
} as const satisfies Record<string, Variable>
