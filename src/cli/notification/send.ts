import { databaseNow } from '../../ops/clock.ts'
import { type QueuedNotification, sendNotification } from '../../ops/notifications/send-notification.ts'
import type { Answer } from '../answer.ts'
import { type DueOptions, readDueTimes } from '../due-times.ts'
import { notificationWords } from '../message-words.ts'
import { describeQueued } from '../queued.ts'
import type { Session } from '../session.ts'
import { requireCompany } from './company.ts'
import { type Draft, type DraftOptions, readDraft } from './draft.ts'

export type SendOptions = DraftOptions & DueOptions

export async function queueNotification(session: Session, options: SendOptions): Promise<Answer> {
  const draft = await readDraft(options)
  const db = await session.openDatabase()
  const now = await databaseNow(db)
  const times = readDueTimes(options, now)
  const company = options.company === undefined ? undefined : await requireCompany(db, options.company)
  const queued = await sendNotification(db, { ...draft, ...times, companyId: company?.id ?? null })
  if (reachesNobody(draft, queued)) {
    session.say(`warning: ${company?.name} has no ${contacts[draft.channel]}: nobody will get it by ${draft.channel}`)
  }
  const { id, created, status, dueAt, to } = queued
  return {
    document: { id, created, status, dueAt, to },
    text: () => describeQueued(queued, { words: notificationWords, ...times, dedupKey: draft.dedupKey, now }),
  }
}

const contacts = { email: 'e-mail address', telegram: 'Telegram chat', sms: 'phone number', system: 'page' } as const

/** Its company may lack the contact that the channel needs; until it has one, nobody is told. */
function reachesNobody({ channel }: Draft, { to, created }: QueuedNotification): boolean {
  return created && to === null && channel !== 'system'
}
