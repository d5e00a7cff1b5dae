/** Every word that `email_queue.status` holds. Other programs may have left further ones in rows that the fleet never touched. */
export const emailStatuses = ['pending', 'sending', 'sent', 'failed', 'cancelled', 'expired', 'held'] as const

export type EmailStatus = (typeof emailStatuses)[number]

/** What a row may say of itself, for when a server may have its mail and nobody can know. */
export const whenAmbiguous = ['resend', 'hold'] as const

/** What a replay can put back into the queue. */
export const replayableStatuses = ['failed', 'held', 'cancelled', 'expired'] as const satisfies readonly EmailStatus[]

/** What an operator can release. */
export const releasableStatuses = ['held'] as const satisfies readonly EmailStatus[]

/** What can be cancelled. A mail that is being sent may be out already. */
export const cancellableStatuses = ['pending', 'sending', 'held'] as const satisfies readonly EmailStatus[]
