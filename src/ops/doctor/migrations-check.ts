import { listMigrations, type MigrationStatus } from '../../db/migration-state.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { findingsOf } from './finding.ts'

const kinds = {
  MIGRATIONS_PENDING: {
    severity: 'error',
    what: 'the database lacks migrations of this release',
    why: 'Workers and commands wait or refuse until the database has the schema they were written for.',
    remedy: 'fleet migrate up',
  },
  MIGRATIONS_EDITED: {
    severity: 'error',
    what: 'the file of a migration was edited after it was applied',
    why: 'What the database has and what the files say may differ, and nothing more is migrated.',
    remedy:
      'put the files back as they were released; where they make the same schema: fleet migrate stamp $(fleet migrate current)',
  },
  MIGRATIONS_UNKNOWN: {
    severity: 'warning',
    what: 'the database has migrations that this release does not know',
    why: 'A newer release runs on it: this one may misread what that writes, and cannot migrate.',
    remedy: 'install the newer release here, too',
  },
} as const

const found = findingsOf(kinds)

/** Whether the database has the schema of this release. */
export const migrationsCheck: Check<DatabaseContext> = {
  name: 'migrations',
  kinds,
  async examine({ db }) {
    const migrations = await listMigrations(db)
    const named = (matches: (migration: MigrationStatus) => boolean) =>
      migrations.filter(matches).map(({ name }) => name)
    const pending = named(({ appliedAt }) => appliedAt === null)
    const edited = named((migration) => migration.edited)
    const unknown = named(({ known }) => !known)
    const findings = [
      ...(pending.length > 0
        ? [found('MIGRATIONS_PENDING', { what: `${pending.length} pending: ${pending.join(', ')}` })]
        : []),
      ...(edited.length > 0
        ? [found('MIGRATIONS_EDITED', { what: `edited after they were applied: ${edited.join(', ')}` })]
        : []),
      ...(unknown.length > 0
        ? [
            found('MIGRATIONS_UNKNOWN', {
              what: `the database has some that this release does not know: ${unknown.join(', ')}`,
            }),
          ]
        : []),
    ]
    return fineUnless(findings, `all ${migrations.length} are applied`)
  },
}
