import type { Kysely } from 'kysely'
import { nearNames } from '../../db/near-names.ts'
import type { DB } from '../../db/schema.ts'
import { listUsers, type UserSummary, usersByEmail } from '../../ops/users/list-users.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { printable } from '../printable.ts'

/**
 * The user who is meant: of several whose addresses differ by case alone, the one with exactly this address.
 * @throws {CliError} USER_UNKNOWN or USER_AMBIGUOUS
 */
export async function findUser(db: Kysely<DB>, email: string): Promise<UserSummary> {
  const found = await usersByEmail(db, email)
  const user = found.length === 1 ? found[0] : found.find((candidate) => candidate.email === email)
  if (user !== undefined) return user
  throw found.length === 0 ? await unknownUser(db, email) : ambiguousUser(found, email)
}

async function unknownUser(db: Kysely<DB>, email: string): Promise<CliError> {
  const users = await listUsers(db)
  const near = nearNames(
    email,
    users.map((user) => user.email),
  )
  return new CliError(`no user has the address ${printable(email)}`, {
    code: 'USER_UNKNOWN',
    hint: near.length > 0 ? `did you mean ${near.map(printable).join(' or ')}?` : 'fleet users list shows them all',
    exitStatus: exitStatus.failed,
  })
}

function ambiguousUser(found: readonly UserSummary[], email: string): CliError {
  return new CliError(`${found.length} users have the address ${printable(email)}, written differently`, {
    code: 'USER_AMBIGUOUS',
    hint: `write it as one of them: ${found.map((user) => printable(user.email)).join(', ')}`,
    exitStatus: exitStatus.failed,
  })
}
