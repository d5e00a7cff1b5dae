import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SearchRequest, search } from '../../src/ops/search.ts'
import { type SearchKind, searchKinds } from '../../src/ops/search-kind.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { plansOf } from './plans.ts'
import { fillForSearch } from './searchable-rows.ts'

const indexes: Readonly<Record<SearchKind, string>> = {
  company: 'ix_companies_search',
  project: 'ix_projects_search',
  client: 'ix_clients_search',
  portrait: 'ix_portraits_search',
}
const installed = await Promise.all(([12, 18] as const).map(async (major) => ({ major, has: await hasMajor(major) })))

describe.each(installed.filter(({ has }) => has))(
  'a search among 100,000 rows of each kind, on PostgreSQL $major',
  ({ major }) => {
    let cluster: TestCluster | undefined
    let database: TestDatabase

    beforeAll(async () => {
      if (major !== 18) cluster = await startCluster({ major })
      database = await createEmptyTestDatabase(cluster?.adminUrl)
      await fillForSearch(database, 100_000)
    }, 600_000)
    afterAll(async () => {
      await database.drop()
      await cluster?.remove()
    })

    const planOf = async (request: Pick<SearchRequest, 'words'> & Partial<SearchRequest>) => {
      let found = 0
      const act = async (db: TestDatabase['db']) => {
        found = (await search(db, { limit: 20, ...request }))?.results.length ?? 0
      }
      const [plan = { text: '', pages: Number.NaN }] = await plansOf(database.url, act, /fleet\.search\(/)
      return { found, ...plan }
    }

    it.each([
      ['a word that few have', '77123', 4],
      ['the beginning of a word', '7712', 20],
      ['several words', 'музеи студия', 20],
      ['a phrase, and not a word', '"музей студия" -реклама', 20],
      ['a word that a third have', 'музеев', 20],
    ])('looks up %s in the four indexes', async (_, words, count) => {
      const { found, text, pages } = await planOf({ words })
      expect(found).toBe(count)
      for (const index of Object.values(indexes)) expect(text).toContain(`Bitmap Index Scan on ${index}`)
      expect(text).not.toContain('Seq Scan')
      expect(pages).toBeLessThan(10_000)
    })

    it('touches few pages for a word that few have, or the beginning of one', async () => {
      for (const words of ['77123', '7712']) expect((await planOf({ words })).pages).toBeLessThan(500)
    })

    it.each(searchKinds)('looks for a %s in one index alone', async (kind) => {
      const { text } = await planOf({ words: '77123', kinds: [kind] })
      const used = Object.entries(indexes).filter(([, index]) => text.includes(`Bitmap Index Scan on ${index}`))
      expect(used.map(([name]) => name)).toEqual([kind])
    })

    it('says of which kinds it could not rank all', async () => {
      expect((await search(database.db, { words: 'музей', limit: 20 }))?.crowded.length).toBeGreaterThan(0)
      expect((await search(database.db, { words: '7712', limit: 20 }))?.crowded).toEqual([])
    })
  },
)
