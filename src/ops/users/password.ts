import { randomInt } from 'node:crypto'
import { compare, hash, truncates } from 'bcryptjs'

/** 2^12 rounds, the default of most bcrypt libraries. A hash or a comparison takes about 0.3 s of one core. */
const cost = 12

/** The hash of the migration's default administrator: it has bcrypt's shape and comes from no password. */
export const unusableHash = '$2b$12$NoPasswordHasBeenSetYet/RunFleetUsersSetPasswordThere'

/** What `matchesPassword` can read: 2a, 2b and 2y are one algorithm, of implementations that once had different faults. */
export const bcryptForm = '^\\$2[aby]\\$(0[4-9]|[12][0-9]|3[01])\\$[./A-Za-z0-9]{53}$'

/** Without letters and digits that look like one another. */
const alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const groups = 5
const groupLength = 4

/** A bcrypt hash (`$2b$`) with a salt of its own. Gives way to other work every 100 ms. */
export async function hashPassword(password: string): Promise<string> {
  if (truncates(password)) throw new Error('bcrypt would ignore the end of this password')
  return hash(password, cost)
}

/** False for the hash of any other scheme, and for what is no hash. */
export function isBcryptHash(text: string): boolean {
  return new RegExp(bcryptForm).test(text)
}

/** Whether the password gives this bcrypt hash. The time it takes doubles with each step of the hash's cost. */
export async function matchesPassword(password: string, bcryptHash: string): Promise<boolean> {
  return compare(password, bcryptHash)
}

/** A password of 116 random bits, in groups that can be read out. */
export function generatePassword(): string {
  const letter = () => alphabet[randomInt(alphabet.length)]
  const group = () => Array.from({ length: groupLength }, letter).join('')
  return Array.from({ length: groups }, group).join('-')
}
