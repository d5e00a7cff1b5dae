import { compareCatalogues } from '../../db/catalogue/comparison.ts'
import type { Difference } from '../../db/catalogue/finding.ts'
import { readCatalogue } from '../../db/catalogue/reader.ts'
import { expectedCatalogue } from '../../db/catalogue/snapshot.ts'
import { listMigrations } from '../../db/migration-state.ts'
import type { Check, Finding } from './check.ts'

/** So many are named; `fleet migrate check` has all of them. */
const namedObjects = 3

/** Whether the schema is what the migrations make. While others than this release's are applied, everything would differ. */
export const driftCheck: Check = {
  name: 'drift',
  async examine({ db }) {
    const migrations = await listMigrations(db)
    if (migrations.some(({ appliedAt, known }) => appliedAt === null || !known)) {
      return { findings: [], fine: 'not looked at until the migrations are those of this release' }
    }
    const { differences } = compareCatalogues(await expectedCatalogue('fleet'), await readCatalogue(db))
    return differences.length === 0
      ? { findings: [], fine: 'the schema is what the migrations make' }
      : { findings: [driftFinding(differences)], fine: undefined }
  },
}

function driftFinding(differences: readonly Difference[]): Finding {
  const names = differences.slice(0, namedObjects).map(({ object }) => object)
  const rest = differences.length - names.length
  const count = differences.length === 1 ? '1 difference' : `${differences.length} differences`
  return {
    severity: 'error',
    code: 'SCHEMA_DRIFT',
    what: `${count} from what the migrations make: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
    why: 'Workers and later migrations rely on the schema; what is missing may be a guarantee.',
    remedy: 'fleet migrate check (it names the statements)',
  }
}
