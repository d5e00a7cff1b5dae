import { registerHooks } from 'node:module'

/**
 * Preloaded into a worker, takes the ledger's part out of the statement that records outcomes, as the source has it, and nothing else:
 * what the ledger costs is the difference.
 */
const entry = /,\s*entered AS \(\s*INSERT INTO [\s\S]*?WHERE r\.outcome IS NOT NULL\s*\)/

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith('/src/queue/outcome-record.ts')) return loaded
    const source = String(loaded.source)
    if (!entry.test(source)) throw new Error('There is no ledger in the statement that records outcomes')
    return { ...loaded, source: source.replace(entry, '') }
  },
})
