import { databaseNow } from '../../ops/clock.ts'
import { listUsers, type UserSummary } from '../../ops/users/list-users.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { formatTime } from '../times.ts'

export async function showUsers(session: Session): Promise<Answer> {
  const db = await session.openDatabase()
  const users = await listUsers(db)
  const now = await databaseNow(db)
  return {
    document: { users },
    text: (screen) => (users.length === 0 ? 'No user.' : renderUsers(users, { screen, now })),
  }
}

function renderUsers(users: readonly UserSummary[], { screen, now }: { screen: Screen; now: Date }): string {
  const { colors } = screen
  const titles = ['EMAIL', 'NAME', 'ROLE', 'ACTIVE', 'PASSWORD', 'LAST LOGIN', 'LOCKED UNTIL']
  const rows = users.map((user): Cell[] => {
    const isLocked = user.lockedUntil !== null && user.lockedUntil > now
    return [
      { text: user.email },
      { text: user.name },
      { text: user.role },
      { text: user.active ? 'yes' : 'no', paint: user.active ? undefined : colors.dim },
      { text: passwordWords[user.password], paint: user.password === 'set' ? undefined : colors.yellow },
      { text: formatTime(user.lastLoginAt, { now, screen }) },
      isLocked ? { text: formatTime(user.lockedUntil, { now, screen }), paint: colors.red } : { text: '-' },
    ]
  })
  return renderTable(
    titles.map((title) => ({ title })),
    rows,
    screen,
  )
}

const passwordWords: Readonly<Record<UserSummary['password'], string>> = {
  set: 'set',
  unset: 'none yet',
  unreadable: 'not bcrypt',
}
