// Plain JavaScript that any Node.js can parse, so that an old one gets a sentence instead of a syntax error.
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

if (!process.features.typescript) {
  process.stderr.write(
    `fleet: Node.js ${process.versions.node} cannot run TypeScript; 22.18 or later can.\n` +
      'Run "npm ci" in the project (it installs a current Node.js), or put a newer one on the PATH.\n',
  )
  process.exit(78)
}
module.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)))
await import('../src/cli/main.ts')
