import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, inject, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('docs/cli.md is what `npm run generate:cli-docs` writes now', { timeout: 300_000 }, async () => {
  const script = join(root, 'scripts/generate-cli-docs.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [script, inject('adminUrl'), inject('templateDatabase')],
    { maxBuffer: 10_000_000 },
  )
  expect(stdout).toBe(await readFile(join(root, 'docs/cli.md'), 'utf8'))
})
