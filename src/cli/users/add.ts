import type { UserRole } from '../../db/schema.ts'
import { addUser } from '../../ops/users/change-user.ts'
import { usersByEmail } from '../../ops/users/list-users.ts'
import { hashPassword } from '../../ops/users/password.ts'
import { shellWord } from '../../runtime/shell-word.ts'
import { currentActor } from '../actor.ts'
import type { Answer } from '../answer.ts'
import { CliError } from '../cli-error.ts'
import { exitStatus } from '../exit-status.ts'
import { printable } from '../printable.ts'
import type { Session } from '../session.ts'
import { obtainPassword, type PasswordOptions, requirePasswordSource } from './new-password.ts'

export interface AddUserOptions extends PasswordOptions {
  readonly name: string
  readonly role: UserRole
}

export async function addOneUser(session: Session, email: string, options: AddUserOptions): Promise<Answer> {
  requirePasswordSource(session, options)
  const db = await session.openDatabase()
  const [existing] = await usersByEmail(db, email)
  if (existing !== undefined) throw userExists(existing.email)
  const { name, role } = options
  const { password, isGenerated } = await obtainPassword(options, email)
  const hash = await hashPassword(password)
  const id = await addUser(db, { email, name, role, hash, actor: currentActor() })
  if (id === undefined) throw userExists(email)
  const lines = [`Added ${email} as ${role}.`, ...(isGenerated ? [`Password: ${password}`] : [])]
  return {
    document: { id, email, name, role, ...(isGenerated && { password }) },
    text: () => lines.join('\n'),
  }
}

function userExists(email: string): CliError {
  return new CliError(`there is a user with the address ${printable(email)}`, {
    code: 'USER_EXISTS',
    hint: `to give it another password: fleet users set-password ${shellWord(printable(email))}`,
    exitStatus: exitStatus.failed,
  })
}
