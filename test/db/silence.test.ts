import { type Kysely, sql } from 'kysely'
import { expect, inject, it, onTestFinished } from 'vitest'
import { connectDatabase, isUnreachable } from '../../src/db/pool.ts'
import type { DB } from '../../src/db/schema.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

function connect(url: string): Kysely<DB> {
  const database = connectDatabase({ url, applicationName: 'silence', max: 1, keepsPlans: true })
  onTestFinished(() => database.close())
  return database.db
}

async function processOf(db: Kysely<DB>): Promise<number | undefined> {
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)
  return rows[0]?.pid
}

it('a worker gives up a connection that owes it an answer, in a transaction or not, and keeps one that is idle', async () => {
  const direct = new URL(inject('adminUrl'))
  const proxy = await startTcpProxy(Number(direct.port))
  onTestFinished(() => proxy.stop())
  const url = new URL(direct)
  url.port = String(proxy.port)
  const [inTransaction, alone, idle] = [connect(url.href), connect(url.href), connect(direct.href)]
  const before = await Promise.all([inTransaction, alone, idle].map(processOf))

  const silence = Promise.withResolvers<void>()
  const failures = await Promise.allSettled([
    inTransaction.transaction().execute(async (trx) => {
      await processOf(trx)
      proxy.goSilent()
      silence.resolve()
      await processOf(trx)
    }),
    silence.promise.then(() => processOf(alone)),
  ])
  for (const failure of failures) {
    const reason = failure.status === 'rejected' ? failure.reason : 'it was answered'
    expect(isUnreachable(reason), String(reason)).toBe(true)
  }
  proxy.openAnew()
  const after = await Promise.all([inTransaction, alone, idle].map(processOf))
  expect(after.map((pid, place) => pid === before[place])).toEqual([false, false, true])
})
