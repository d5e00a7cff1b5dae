import { type Kysely, sql } from 'kysely'
import type { DB, UserRole } from '../../db/schema.ts'
import { recordAudit } from '../audit.ts'

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly role: UserRole
  readonly hash: string
  readonly actor: string
}

/** What stood in the way of a login before a change took it away. */
export interface ClearedLock {
  /** Failed logins that were counted. */
  readonly loginAttempts: number
  readonly lockedUntil: Date | null
}

/** Adds a user, and answers the id; undefined where one has that address already, in whatever case. */
export async function addUser(db: Kysely<DB>, user: NewUser): Promise<number | undefined> {
  const { email, name, role, hash, actor } = user
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ id: number }>`
      INSERT INTO users (email, full_name, role, hashed_password)
      SELECT ${email}, ${name}, ${role}::user_role, ${hash}
       WHERE NOT EXISTS (SELECT FROM users WHERE lower(email) = lower(${email}))
          ON CONFLICT (email) DO NOTHING
      RETURNING id`.execute(transaction)
    const id = rows[0]?.id
    if (id === undefined) return undefined
    const changes = { email, full_name: name, role }
    await recordAudit(transaction, { actor, action: 'create', entityType: 'user', entityId: id, changes })
    return id
  })
}

export interface UserChange {
  readonly id: number
  readonly actor: string
}

/** Gives the user another password, which also takes away the lock that wrong ones have led to. */
export async function setPassword(
  db: Kysely<DB>,
  change: UserChange & { readonly hash: string },
): Promise<ClearedLock> {
  return clearLock(db, { ...change, action: 'set_password' })
}

/** Forgets the failed logins of a user, and the lock that they have led to. */
export async function unlockUser(db: Kysely<DB>, change: UserChange): Promise<ClearedLock> {
  return clearLock(db, { ...change, action: 'unlock' })
}

interface Clearing extends UserChange {
  readonly action: 'set_password' | 'unlock'
  readonly hash?: string
}

async function clearLock(db: Kysely<DB>, { id, actor, action, hash }: Clearing): Promise<ClearedLock> {
  return db.transaction().execute(async (transaction) => {
    const before = await transaction
      .selectFrom('users')
      .select(['email', 'login_attempts', 'locked_until'])
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirstOrThrow()
    await transaction
      .updateTable('users')
      .set({ login_attempts: 0, locked_until: null, ...(hash !== undefined && { hashed_password: hash }) })
      .where('id', '=', id)
      .execute()
    const changes = {
      email: before.email,
      login_attempts: { before: before.login_attempts, after: 0 },
      locked_until: { before: before.locked_until?.toISOString() ?? null, after: null },
    }
    await recordAudit(transaction, { actor, action, entityType: 'user', entityId: id, changes })
    return { loginAttempts: before.login_attempts, lockedUntil: before.locked_until }
  })
}
