import { databaseNow } from '../../ops/clock.ts'
import { type ClearedLock, setPassword, unlockUser } from '../../ops/users/change-user.ts'
import { hashPassword } from '../../ops/users/password.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { printable } from '../printable.ts'
import type { Session } from '../session.ts'
import { countOf } from '../words.ts'
import { findUser } from './find.ts'
import { obtainPassword, type PasswordOptions, requirePasswordSource } from './new-password.ts'

export async function setOnePassword(session: Session, given: string, options: PasswordOptions): Promise<Answer> {
  requirePasswordSource(session, options)
  const db = await session.openDatabase()
  const { id, email, active } = await findUser(db, given)
  const { password, isGenerated } = await obtainPassword(options, email)
  const hash = await hashPassword(password)
  const cleared = await setPassword(db, { id, hash, actor: currentActor() })
  const wasLocked = isLock(cleared, await databaseNow(db))
  return {
    document: { id, email, active, wasLocked, ...(isGenerated && { password }) },
    text: () =>
      [
        `${printable(email)} has a new password.`,
        ...(isGenerated ? [`Password: ${password}`] : []),
        ...(wasLocked ? ['It is no longer locked.'] : []),
        ...inactiveNote(active),
      ].join('\n'),
  }
}

export async function unlockOneUser(session: Session, given: string): Promise<Answer> {
  const db = await session.openDatabase()
  const { id, email, active } = await findUser(db, given)
  const cleared = await unlockUser(db, { id, actor: currentActor() })
  const wasLocked = isLock(cleared, await databaseNow(db))
  const { loginAttempts } = cleared
  const what = wasLocked ? 'is no longer locked' : 'was not locked'
  const forgotten = loginAttempts > 0 ? `; ${countOf(loginAttempts, 'failed login')} forgotten` : ''
  return {
    document: { id, email, active, wasLocked, loginAttempts },
    text: () => [`${printable(email)} ${what}${forgotten}.`, ...inactiveNote(active)].join('\n'),
  }
}

function isLock({ lockedUntil }: ClearedLock, now: Date): boolean {
  return lockedUntil !== null && lockedUntil > now
}

function inactiveNote(active: boolean): string[] {
  return active ? [] : ['The user is not active, though: the platform lets nobody in as it.']
}
