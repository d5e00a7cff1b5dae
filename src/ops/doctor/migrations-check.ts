import { listMigrations, type MigrationStatus } from '../../db/migration-state.ts'
import type { Check, Finding } from './check.ts'

/** Whether the database has the schema of this release. */
export const migrationsCheck: Check = {
  name: 'migrations',
  async examine({ db }) {
    const migrations = await listMigrations(db)
    const named = (matches: (migration: MigrationStatus) => boolean) =>
      migrations.filter(matches).map(({ name }) => name)
    const kinds = [
      { names: named(({ appliedAt }) => appliedAt === null), finding: pendingFinding },
      { names: named(({ edited }) => edited), finding: editedFinding },
      { names: named(({ known }) => !known), finding: unknownFinding },
    ]
    const findings = kinds.flatMap(({ names, finding }) => (names.length > 0 ? [finding(names)] : []))
    return { findings, fine: findings.length === 0 ? `all ${migrations.length} are applied` : undefined }
  },
}

function pendingFinding(pending: readonly string[]): Finding {
  return {
    severity: 'error',
    code: 'MIGRATIONS_PENDING',
    what: `${pending.length} pending: ${pending.join(', ')}`,
    why: 'Workers and commands wait or refuse until the database has the schema they were written for.',
    remedy: 'fleet migrate up',
  }
}

function editedFinding(edited: readonly string[]): Finding {
  return {
    severity: 'error',
    code: 'MIGRATIONS_EDITED',
    what: `edited after they were applied: ${edited.join(', ')}`,
    why: 'What the database has and what the files say may differ, and nothing more is migrated.',
    remedy:
      'put the files back as they were released; where they make the same schema: fleet migrate stamp $(fleet migrate current)',
  }
}

function unknownFinding(unknown: readonly string[]): Finding {
  return {
    severity: 'warning',
    code: 'MIGRATIONS_UNKNOWN',
    what: `the database has some that this release does not know: ${unknown.join(', ')}`,
    why: 'A newer release runs on it: this one may misread what that writes, and cannot migrate.',
    remedy: 'install the newer release here, too',
  }
}
