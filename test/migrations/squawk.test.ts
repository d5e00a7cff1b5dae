import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrationNames } from '../../src/db/migration-files.ts'
import { renderScript } from '../../src/ops/migration-script.ts'
import { makeTemporaryFolder } from '../support/temporary-folder.ts'

const root = join(import.meta.dirname, '../..')

let folder: string
beforeEach(async () => {
  folder = await makeTemporaryFolder()
})
afterEach(() => rm(folder, { recursive: true }))

interface Finding {
  readonly file: string
  readonly line: number
  readonly rule_name: string
  readonly message: string
}

/** What squawk finds in the files. Each is judged by itself: whatever it did not create counts as in use. */
async function lint(files: Readonly<Record<string, string>>): Promise<Finding[]> {
  const paths = await Promise.all(
    Object.entries(files).map(async ([name, text]) => {
      const path = join(folder, `${name}.sql`)
      await writeFile(path, text)
      return path
    }),
  )
  const args = ['--config', join(root, '.squawk.toml'), '--reporter', 'json', ...paths]
  return new Promise((resolve, reject) => {
    execFile(join(root, 'node_modules/.bin/squawk'), args, { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      // It exits with 1 where it finds something.
      if (error !== null && error.code !== 1) reject(new Error(`${error.message}: ${stderr}`, { cause: error }))
      else resolve(JSON.parse(stdout) as Finding[])
    })
  })
}

describe('the SQL that fleet migrate sql prints', () => {
  test('holds no statement that is dangerous on tables in use', async () => {
    const names = await migrationNames()
    const scripts = await Promise.all(
      names.map(async (name, index) => {
        const { sql } = await renderScript({ from: names[index - 1] ?? null, to: name, direction: 'up' })
        return [name, sql] as const
      }),
    )
    expect(await lint(Object.fromEntries(scripts))).toEqual([])
  })

  test.each([
    ['an index that blocks writers', 'CREATE INDEX ix ON projects (status)', 'require-concurrent-index-creation'],
    ['dropping an index with readers waiting', 'DROP INDEX ix_projects_status', 'require-concurrent-index-deletion'],
    ['a column that old rows cannot have', 'ALTER TABLE projects ADD COLUMN a text NOT NULL', 'adding-required-field'],
    [
      'a default that rewrites',
      'ALTER TABLE projects ADD COLUMN a uuid DEFAULT random_uuid()',
      'adding-field-with-default',
    ],
    ['a type that rewrites', 'ALTER TABLE projects ALTER COLUMN id TYPE bigint', 'changing-column-type'],
    [
      'NOT NULL by reading the table',
      'ALTER TABLE projects ALTER COLUMN slug SET NOT NULL',
      'adding-not-nullable-field',
    ],
    [
      'a foreign key that reads both tables',
      'ALTER TABLE projects ADD CONSTRAINT fk FOREIGN KEY (company_id) REFERENCES companies (id)',
      'adding-foreign-key-constraint',
    ],
    [
      'a check that reads the table',
      'ALTER TABLE projects ADD CONSTRAINT c CHECK (id > 0)',
      'constraint-missing-not-valid',
    ],
    ['a name that others use', 'ALTER TABLE projects RENAME COLUMN slug TO path', 'renaming-column'],
    ['a column that others use', 'ALTER TABLE projects DROP COLUMN slug', 'ban-drop-column'],
    ['a table that others use', 'DROP TABLE projects', 'ban-drop-table'],
    [
      'a concurrent index in a transaction',
      'CREATE INDEX CONCURRENTLY ix ON projects (slug)',
      'ban-concurrent-index-creation-in-transaction',
    ],
  ])('would not pass with %s', async (_, statement, rule) => {
    const script = `BEGIN;\nSET LOCAL lock_timeout = '800ms';\nSET LOCAL statement_timeout = 0;\n${statement};\nCOMMIT;\n`
    const findings = await lint({ later: script })
    expect(findings.map(({ rule_name }) => rule_name)).toContain(rule)
  })
})
