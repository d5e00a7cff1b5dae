import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EmbeddedError } from './embedded-error.ts'

/** The system user that PostgreSQL runs as, where that is not the user of this process. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const CANDIDATES = ['postgres', '_postgres', 'nobody']

/**
 * PostgreSQL refuses to run as root. For root this is the owner of what is already there, if that is not root, else
 * the machine's `postgres`, else its `nobody`; for everybody else undefined: they run it themselves.
 * @throws EmbeddedError EMBEDDED_ACCOUNT_MISSING
 */
export async function chooseAccount(existing: readonly string[]): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const path of existing) {
    const found = await stat(path).catch(() => undefined)
    if (found && found.uid !== 0) return { name: `user ${found.uid}`, uid: found.uid, gid: found.gid }
  }
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''))
  for (const name of CANDIDATES) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0)
    if (account) return account
  }
  throw new EmbeddedError(
    'EMBEDDED_ACCOUNT_MISSING',
    'PostgreSQL does not run as root, and there is no user to run it as',
    {
      hint: 'Run the fleet as an ordinary user, or add one: useradd --system --no-create-home postgres',
    },
  )
}

/** Reads lines of passwd(5). macOS writes `nobody` with the id -2, which stands for 4294967294. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    if (!name || line.startsWith('#') || !isId(uid) || !isId(gid)) return []
    return [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }]
  })
}

/** Whether the account may pass through the folder, by the mode bits of it and of all above it. */
export async function canEnter(directory: string, account: Account | undefined): Promise<boolean> {
  const parent = dirname(directory)
  if (!(await allows(directory, account, 0b001))) return false
  return parent === directory || canEnter(parent, account)
}

/** Whether the account may run the program at this path. */
export async function canRun(program: string, account: Account | undefined): Promise<boolean> {
  return (await allows(program, account, 0b101)) && (await canEnter(dirname(program), account))
}

async function allows(path: string, account: Account | undefined, bits: number): Promise<boolean> {
  if (!account) return true
  const found = await stat(path).catch(() => undefined)
  if (!found) return false
  const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0
  return ((found.mode >> shift) & bits) === bits
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^-?\d+$/.test(text)
}
