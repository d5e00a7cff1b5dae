import { readFile } from 'node:fs/promises'
import type { Catalogue } from './catalogue.ts'

/**
 * What the migrations make of an empty database: `platform` the platform's own tables, `fleet` the whole. Taken by
 * `npm run generate:catalogue` from the newest PostgreSQL.
 */
export async function expectedCatalogue(name: 'platform' | 'fleet'): Promise<Catalogue> {
  return JSON.parse(await readFile(snapshotFile(name), 'utf8')) as Catalogue
}

export function snapshotFile(name: 'platform' | 'fleet'): URL {
  return new URL(`${name}.json`, import.meta.url)
}
