import { compareCatalogues } from '../../db/catalogue/comparison.ts'
import type { Difference } from '../../db/catalogue/finding.ts'
import { readCatalogue } from '../../db/catalogue/reader.ts'
import { expectedCatalogue } from '../../db/catalogue/snapshot.ts'
import { listMigrations } from '../../db/migration-state.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { type Finding, findingsOf, listSome } from './finding.ts'

const kinds = {
  SCHEMA_DRIFT: {
    severity: 'error',
    what: 'the schema is not what the migrations make',
    why: 'Workers and later migrations rely on the schema; what is missing may be a guarantee.',
    remedy: 'fleet migrate check (it names the statements)',
  },
} as const

const found = findingsOf(kinds)

/** Whether the schema is what the migrations make. While others than this release's are applied, everything would differ. */
export const driftCheck: Check<DatabaseContext> = {
  name: 'drift',
  kinds,
  async examine({ db }) {
    const migrations = await listMigrations(db)
    if (migrations.some(({ appliedAt, known }) => appliedAt === null || !known)) {
      return { findings: [], skipped: 'not looked at until the migrations are those of this release' }
    }
    const { differences } = compareCatalogues(await expectedCatalogue('fleet'), await readCatalogue(db))
    const findings = differences.length === 0 ? [] : [driftFinding(differences)]
    return fineUnless(findings, 'the schema is what the migrations make')
  },
}

/** Some are named; `fleet migrate check` has all of them. */
function driftFinding(differences: readonly Difference[]): Finding {
  const count = differences.length === 1 ? '1 difference' : `${differences.length} differences`
  const names = listSome(differences.map(({ object }) => object))
  return found('SCHEMA_DRIFT', { what: `${count} from what the migrations make: ${names}` })
}
