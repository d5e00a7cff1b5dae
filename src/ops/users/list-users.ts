import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB, UserRole } from '../../db/schema.ts'
import { bcryptForm, unusableHash } from './password.ts'

/** `unset`: the hash that no password gives. `unreadable`: not a hash of bcrypt, which the fleet cannot check. */
export type PasswordState = 'set' | 'unset' | 'unreadable'

/** A user of the platform, without the hash. */
export interface UserSummary {
  readonly id: number
  readonly email: string
  readonly name: string
  readonly role: UserRole
  readonly active: boolean
  readonly password: PasswordState
  readonly lastLoginAt: Date | null
  /** Failed ones since the last that succeeded. */
  readonly loginAttempts: number
  /** No login before; in the past where the lock is over. */
  readonly lockedUntil: Date | null
}

/** What a row of `users` has for a password. The hash itself stays in the database. */
export const passwordState: RawBuilder<PasswordState> = sql<PasswordState>`
  CASE WHEN hashed_password = ${unusableHash} THEN 'unset'
       WHEN hashed_password ~ ${bcryptForm} THEN 'set'
       ELSE 'unreadable' END`

/** By address. */
export async function listUsers(db: Kysely<DB>): Promise<UserSummary[]> {
  return summaries(db)
    .orderBy((row) => sql`lower(${row.ref('email')})`)
    .orderBy('id')
    .execute()
}

/** Those who have that address, in whatever case: more than one where they differ by case alone. */
export async function usersByEmail(db: Kysely<DB>, email: string): Promise<UserSummary[]> {
  return summaries(db)
    .where((row) => sql<boolean>`lower(${row.ref('email')}) = lower(${email})`)
    .orderBy('id')
    .execute()
}

function summaries(db: Kysely<DB>) {
  return db
    .selectFrom('users')
    .select([
      'id',
      'email',
      'full_name as name',
      'role',
      'is_active as active',
      passwordState.as('password'),
      'last_login_at as lastLoginAt',
      'login_attempts as loginAttempts',
      'locked_until as lockedUntil',
    ])
}
