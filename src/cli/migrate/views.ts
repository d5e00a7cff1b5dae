import { listMigrations, type MigrationStatus } from '../../db/migration-state.ts'
import type { Answer } from '../answer.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { type Cell, renderTable } from '../table.ts'
import { countOf } from '../words.ts'

export async function showMigrations(session: Session): Promise<Answer> {
  const migrations = await list(session)
  const pending = migrations.filter(({ appliedAt }) => appliedAt === null).length
  const summary =
    pending === 0 ? 'The schema is up to date.' : `${countOf(pending, 'migration')} pending: fleet migrate up`
  return {
    document: { migrations: migrations.map(toDocument), pending },
    text: (screen) => `${render(migrations, screen)}\n${summary}`,
  }
}

export async function showHistory(session: Session): Promise<Answer> {
  const applied = await listApplied(session)
  return {
    document: { migrations: applied.map(toDocument) },
    text: (screen) => (applied.length === 0 ? 'No migration is applied.' : render(applied, screen)),
  }
}

export async function showCurrent(session: Session): Promise<Answer> {
  const current = (await listApplied(session)).at(-1)
  return {
    document: { current: current === undefined ? null : toDocument(current) },
    text: () => current?.name ?? 'No migration is applied.',
  }
}

async function list(session: Session): Promise<MigrationStatus[]> {
  return listMigrations(await session.openDatabase({ direct: true, unmigrated: true }))
}

async function listApplied(session: Session): Promise<MigrationStatus[]> {
  const migrations = await list(session)
  return migrations.filter(({ appliedAt }) => appliedAt !== null)
}

function toDocument(migration: MigrationStatus): object {
  const { name, appliedAt, appliedBy } = migration
  return { name, appliedAt, appliedBy, status: statusOf(migration) }
}

function statusOf({ appliedAt, known, edited }: MigrationStatus): 'pending' | 'applied' | 'edited' | 'unknown' {
  if (appliedAt === null) return 'pending'
  if (!known) return 'unknown'
  return edited ? 'edited' : 'applied'
}

function render(migrations: readonly MigrationStatus[], screen: Screen): string {
  const notes = { pending: '', applied: '', edited: 'edited since', unknown: 'of a newer release' }
  const rows = migrations.map((migration): Cell[] => {
    const { name, appliedAt, appliedBy } = migration
    return [
      { text: name },
      appliedAt === null
        ? { text: 'pending', paint: screen.colors.yellow }
        : { text: `${appliedAt.toISOString().slice(0, 19).replace('T', ' ')} UTC` },
      { text: appliedBy ?? '' },
      { text: notes[statusOf(migration)], paint: screen.colors.red },
    ]
  })
  return renderTable([{ title: 'MIGRATION' }, { title: 'APPLIED' }, { title: 'BY' }, { title: '' }], rows, screen)
}
