import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { setPassword } from './change-user.ts'
import { hashPassword, isBcryptHash, matchesPassword, unusableHash } from './password.ts'

/** Whom the migrations add as the first administrator. */
export const administratorEmail = 'admin@vertexar.com'

/** What the default administrator logs in with; `own`: with a password that somebody has set. */
export type AdministratorPassword = 'default' | 'given' | 'own' | 'no such user'

/**
 * A hash of the default password. Written down, since there is nothing to keep secret: it costs no start of the fleet 0.3 s, and is
 * known again at the next.
 */
export const defaultHash = '$2b$12$UbeGYk4r9o719hG8kB.Om.fwJuWWwBsRNozhKtM4rVRrYx5.Fj2Fm'

/**
 * Lets the default administrator of an embedded database log in: with `given`, whatever was set before; or else, as long as no
 * password is set, with the default one. May be called at every start.
 */
export async function admitAdministrator(
  db: Kysely<DB>,
  { given, actor }: { readonly given: string | undefined; readonly actor: string },
): Promise<AdministratorPassword> {
  const user = await db
    .selectFrom('users')
    .select(['id', 'hashed_password as hash'])
    .where('email', '=', administratorEmail)
    .executeTakeFirst()
  if (user === undefined) return 'no such user'
  if (given === undefined) {
    if (user.hash === unusableHash) await setPassword(db, { id: user.id, hash: defaultHash, actor })
    return user.hash === unusableHash || user.hash === defaultHash ? 'default' : 'own'
  }
  const isSet = isBcryptHash(user.hash) && (await matchesPassword(given, user.hash))
  if (!isSet) await setPassword(db, { id: user.id, hash: await hashPassword(given), actor })
  return 'given'
}
