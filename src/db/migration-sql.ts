import { frameMigration } from './migration-frame.ts'
import { lockOrFail } from './migration-lock.ts'
import type { MigrationScript } from './migration-script.ts'

/**
 * What the runner would execute, as a file for `psql -X -v ON_ERROR_STOP=1 -f`: the same statements in the same transactions, with
 * the bookkeeping. It has the lock that the runner takes, too, but tries nothing again.
 */
export function renderMigrations(scripts: readonly MigrationScript[], direction: 'up' | 'down'): string {
  const parts = scripts.map((script) => renderMigration(script, direction))
  return `${[`${lockOrFail};`, ...parts].join('\n\n')}\n`
}

function renderMigration(script: MigrationScript, direction: 'up' | 'down'): string {
  const { before, statements, after } = frameMigration(script, direction)
  const framed = script.transaction
    ? ['BEGIN', ...before, ...statements, 'COMMIT']
    : [...before, ...statements, ...after]
  return [`-- ${script.name} (${direction})`, ...framed.map((statement) => `${statement};`)].join('\n')
}
