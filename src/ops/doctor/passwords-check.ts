import { type Kysely, sql } from 'kysely'
import type { DB } from '../../db/schema.ts'
import { defaultPassword } from '../../runtime/password-rules.ts'
import { shellWord } from '../../runtime/shell-word.ts'
import { administratorEmail } from '../users/default-administrator.ts'
import { type PasswordState, passwordState } from '../users/list-users.ts'
import { matchesPassword } from '../users/password.ts'
import type { Check, DatabaseContext, Examination } from './check.ts'
import { type Finding, findingsOf, listSome } from './finding.ts'

/** Each step doubles the time: above this, one comparison would take longer than all the others together. */
const highestCost = 13

const kinds = {
  DEFAULT_PASSWORD: {
    severity: 'error',
    what: `a user logs in with the default password, \`${defaultPassword}\``,
    why: 'It is in the documentation: whoever has read that can do what this user may do.',
    remedy: 'fleet users set-password ADDRESS',
  },
  NO_ADMINISTRATOR: {
    severity: 'warning',
    what: 'no active administrator has a password',
    why: 'Nobody can administer the platform.',
    remedy: 'fleet users add you@example.org --name "Your name" --role admin',
  },
  PASSWORD_UNREADABLE: {
    severity: 'warning',
    what: 'the password hash of a user is not one of bcrypt',
    why: 'They may not be able to log in, and whether their passwords are the default one cannot be told.',
    remedy: 'fleet users set-password ADDRESS',
  },
} as const

const found = findingsOf(kinds)

interface Candidate {
  readonly id: number
  readonly email: string
  readonly role: string
  readonly state: PasswordState
  readonly hash: string
}

/** A comparison takes 0.3 s at bcrypt's usual cost, and there may be a thousand users. */
export const passwordsCheck = createPasswordsCheck({ patienceMs: 5_000 })

/** Whether anybody logs in with the password that everybody knows, and whether an administrator can log in at all. */
export function createPasswordsCheck({ patienceMs }: { readonly patienceMs: number }): Check<DatabaseContext> {
  return { name: 'passwords', kinds, examine: ({ db }) => examinePasswords(db, patienceMs) }
}

async function examinePasswords(db: Kysely<DB>, patienceMs: number): Promise<Examination> {
  const candidates = await readCandidates(db)
  if (candidates === undefined) return { findings: [], skipped: 'there is no table of users yet' }
  const readable = candidates.filter(({ state }) => state === 'set')
  const { known, checked } = await findDefaultPasswords(readable, patienceMs)
  const unreadable = candidates.filter(({ state }) => state === 'unreadable')
  const canAdminister = candidates.some(({ role, state }) => role === 'admin' && state !== 'unset')
  return {
    fine: describeSearch({ active: candidates.length, checked, known: known.length }),
    findings: [
      ...known.map(defaultPasswordFinding),
      ...(canAdminister ? [] : [noAdministratorFinding(candidates)]),
      ...(unreadable.length > 0 ? [unreadableFinding(unreadable)] : []),
    ],
  }
}

/** How far the search went, whatever it has found. */
function describeSearch({ active, checked, known }: { active: number; checked: number; known: number }): string {
  const whom = known === 0 ? 'no active user logs' : 'nobody else logs'
  return `${whom} in with the default password (tried on ${checked} of ${active}, administrators first)`
}

/** Active users, those first whose passwords open most; undefined where the table does not exist. */
async function readCandidates(db: Kysely<DB>): Promise<Candidate[] | undefined> {
  const { rows: tables } = await sql<{ exists: boolean }>`SELECT to_regclass('users') IS NOT NULL AS exists`.execute(db)
  if (tables[0]?.exists !== true) return undefined
  return db
    .selectFrom('users')
    .select(['id', 'email', 'role', passwordState.as('state'), 'hashed_password as hash'])
    .where('is_active', '=', true)
    .orderBy((row) => sql`${row.ref('email')} <> ${administratorEmail}`)
    .orderBy('role')
    .orderBy('id')
    .execute()
}

/** One after the other, as far as patience goes. */
async function findDefaultPasswords(
  users: readonly Candidate[],
  patienceMs: number,
): Promise<{ known: Candidate[]; checked: number }> {
  const deadline = performance.now() + patienceMs
  const known: Candidate[] = []
  let checked = 0
  for (const user of users) {
    if (performance.now() > deadline) break
    if (costOf(user.hash) > highestCost) continue
    checked += 1
    if (await matchesPassword(defaultPassword, user.hash)) known.push(user)
  }
  return { known, checked }
}

function costOf(bcryptHash: string): number {
  return Number(bcryptHash.slice(4, 6))
}

function defaultPasswordFinding({ email, role }: Candidate): Finding {
  return found('DEFAULT_PASSWORD', {
    what: `${email} (${role}) logs in with the default password, ${defaultPassword}`,
    remedy: `fleet users set-password ${shellWord(email)}`,
  })
}

function noAdministratorFinding(candidates: readonly Candidate[]): Finding {
  const administrator = candidates.find(({ role }) => role === 'admin')
  const remedy = administrator && `fleet users set-password ${shellWord(administrator.email)}`
  return found('NO_ADMINISTRATOR', { what: kinds.NO_ADMINISTRATOR.what, ...(remedy && { remedy }) })
}

function unreadableFinding(users: readonly Candidate[]): Finding {
  const names = users.map(({ email }) => email)
  return found('PASSWORD_UNREADABLE', {
    what: `the password hash is not one of bcrypt: ${listSome(names)}`,
    remedy: `fleet users set-password ${shellWord(names[0] ?? '')}`,
  })
}
