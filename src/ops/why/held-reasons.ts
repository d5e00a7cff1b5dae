const reasons: Readonly<Record<string, string>> = {
  answer_lost: 'it was handed over and the answer never came, so it may have arrived, and it is not to be sent twice',
  worker_died: 'three workers died with it in hand, and it may be what kills them',
  adopted: 'it was waiting when the fleet took the database over',
  not_allowed: 'a test installation does not allow mail to somebody it is for',
  may_have_gone_out: 'it was waiting when the database was taken back to an earlier time, and may have gone out since',
}

/** Why a message is held, as a clause. */
export function heldFor({ errorClass, lastError }: { errorClass: string | null; lastError: string | null }): string {
  const known = reasons[errorClass ?? '']
  return known ?? lastError ?? 'nobody has written down why'
}
