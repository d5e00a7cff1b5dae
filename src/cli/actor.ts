import { hostname, userInfo } from 'node:os'
import process from 'node:process'

/** Who gave the command, for the audit log: `name@host`; behind sudo the person, not root. */
export function currentActor(): string {
  const name = process.env.SUDO_USER || process.env.USER || accountName()
  return `${name}@${hostname()}`
}

/** A user id without an account, as containers have them, has no name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
