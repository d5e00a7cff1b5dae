/** Why something does not rotate as it should: the words of `fleet.rotation_faults.reason`. */
export const faultReasons = [
  /** Neither a known `rotation_type` nor a `cron_expression`. */
  'unknown_type',
  /** `day_of_week` or `day_of_month` is missing or none. */
  'bad_day',
  /** `cron_expression` is none, or no moment matches it. */
  'bad_expression',
  'empty_sequence',
  /** No video of the sequence may play. */
  'no_video',
  /** Some of the sequence may not, and were passed over. */
  'bad_video',
  /** `current_index` was outside the sequence, and is put right. */
  'bad_index',
  /** The content plays a video whose window has closed, and nothing replaces it. */
  'window_closed',
  /** The database refused the change: a constraint, or a trigger of the platform's. */
  'refused',
] as const

export type FaultReason = (typeof faultReasons)[number]

export interface RotationFault {
  readonly kind: 'fault'
  readonly reason: FaultReason
  /** What is wrong, for people. */
  readonly detail: string
}

export function fault(reason: FaultReason, detail: string): RotationFault {
  return { kind: 'fault', reason, detail }
}
