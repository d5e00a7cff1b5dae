import process from 'node:process'
import { expect, test } from 'vitest'
import { hasMajor, startCluster } from '../support/cluster.ts'
import { hasPsql } from '../support/sql-file.ts'
import { makeRoundTrip } from './round-trip.ts'

const installed = await Promise.all(
  ([12, 13, 18] as const).map(async (major) => ({ major, has: await hasMajor(major) })),
)

test('continuous integration leaves nothing out: every server and psql are there', () => {
  const isPrepared = process.env.CI !== undefined && process.platform === 'linux' && process.arch === 'x64'
  const missing = [
    ...installed.filter(({ has }) => !has).map(({ major }) => `PostgreSQL ${major}`),
    ...(hasPsql() ? [] : ['psql']),
  ]
  expect(isPrepared ? missing : []).toEqual([])
})

// scripts/all-majors.ts does it for those between, too.
test.each(installed.filter(({ has }) => has))(
  'PostgreSQL $major goes up, down to nothing and up again, and the SQL makes what up makes',
  async ({ major }) => {
    const cluster = await startCluster({ major })
    const { sqlAndUp, downAndEmpty, againAndUp, differences } = await makeRoundTrip(cluster.adminUrl)
    for (const [made, wanted] of [sqlAndUp, downAndEmpty, againAndUp]) expect(made).toEqual(wanted)
    expect(differences).toEqual([])
    await cluster.remove()
  },
)
