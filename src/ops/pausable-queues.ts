/** What an operator can stop, and let go on. `notifications` covers all its channels. */
export const pausableQueues = ['email', 'notifications', 'telegram', 'sms'] as const

export type PausableQueue = (typeof pausableQueues)[number]
